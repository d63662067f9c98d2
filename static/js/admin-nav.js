// The list of pages at the side is longer than the window: it is scrolled to the page that is open.

const list = document.querySelector("#nav-sidebar");
const here = list?.querySelector("[aria-current]");
if (here) {
  const [shown, whole] = [here.getBoundingClientRect(), list.getBoundingClientRect()];
  if (shown.bottom > Math.min(whole.bottom, innerHeight)) list.scrollTop += shown.top - whole.top - list.clientHeight / 2;
}
