// What only script can use, and the tabs of the phone.

import { all } from "./dom.js";

export function enhanceViews() {
  for (const part of all("template[data-script]")) part.replaceWith(part.content);
  const narrow = matchMedia("(max-width: 47.99rem)");
  const views = {
    onside: () => {},
    phone: () => narrow.matches,
    remember(name, value) {
      const address = new URL(location.href);
      address.searchParams.set(name, value);
      history.replaceState(null, "", address);
    },
    show(view) {
      document.body.dataset.view = view;
      for (const link of all("[data-view-link]")) {
        if (link.dataset.viewLink === view) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
      }
      views.remember("view", view);
      if (narrow.matches) scrollTo(0, Math.min(scrollY, document.querySelector(".strip").offsetHeight + 44));
    },
  };
  for (const link of all("[data-view-link]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      views.show(link.dataset.viewLink);
    });
  }
  for (const link of all("[data-quick-side]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      views.onside(link.dataset.quickSide);
      views.show("trade");
    });
  }
  // The words do not fit beside the book of a phone; the codes do.
  const words = all("#tif option").map((option) => option.textContent);
  const fitWords = () => all("#tif option").forEach((option, index) => {
    option.textContent = narrow.matches ? option.value : words[index];
  });
  narrow.addEventListener("change", fitWords);
  fitWords();
  return views;
}
