// The sidebar of narrow windows: it slides over the page, and the page behind it rests meanwhile.

const menu = document.getElementById("menu");
const sidebar = document.getElementById("sidebar");
const page = document.querySelector("main");
const wide = matchMedia("(min-width: 52.01rem)");

export function sidebarIsOpen() {
  return document.body.classList.contains("sidebar-open");
}

function openSidebar() {
  document.body.classList.add("sidebar-open");
  menu.setAttribute("aria-expanded", "true");
  page.inert = true;
  sidebar.querySelector("a, button")?.focus();
}

export function closeSidebar() {
  if (!sidebarIsOpen()) return;
  document.body.classList.remove("sidebar-open");
  menu.setAttribute("aria-expanded", "false");
  page.inert = false;
  menu.focus();
}

menu.addEventListener("click", openSidebar);
document.getElementById("veil").addEventListener("click", closeSidebar);
wide.addEventListener("change", closeSidebar);
