/* The playground beside htmx: keys, pickers, sliders, and which of send and stop is shown. */
"use strict";

{
  const play = document.getElementById("play");
  const form = document.getElementById("composer");
  const prompt = document.getElementById("prompt");
  const scroll = document.getElementById("play-scroll");
  const pickers = document.getElementById("pickers");
  const every = (selector, from = document) => [...from.querySelectorAll(selector)];

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-confirm]");
    if (button && !window.confirm(button.dataset.confirm)) event.preventDefault();
  });

  // Where there is one column, a result stands below its form, out of sight.
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id === "tried" && window.matchMedia("(max-width: 1200px)").matches) event.target.scrollIntoView();
  });

  if (play) {
    // --- sending -----------------------------------------------------------------------------------
    prompt.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      const send = form.querySelector("[data-send]");  // disabled while a picture is on its way
      if (!isBusy() && !send.disabled && prompt.value.trim()) form.requestSubmit(send);
    });
    // The second click of a double click: by then the place may hold the other button, or an empty prompt.
    form.addEventListener("click", (event) => {
      if (event.detail > 1 && event.target.closest("[data-send], [data-stop]")) { event.preventDefault(); event.stopPropagation(); }
    }, true);
    document.addEventListener("htmx:beforeSwap", (event) => {
      const turn = event.detail.xhr?.getResponseHeader?.("X-Turn");
      if (turn && document.getElementById(turn)) event.detail.shouldSwap = false; // the same form again
    });
    document.addEventListener("htmx:afterRequest", (event) => {
      if (!event.detail.successful || !event.detail.xhr.getResponseHeader("X-Turn")) return;
      prompt.value = "";
      grow();
      scroll.scrollTop = scroll.scrollHeight;
      prompt.focus();
    });
    document.addEventListener("click", (event) => {
      const link = event.target.closest("[data-suggestion]");
      if (!link) return;
      event.preventDefault();
      prompt.value = link.textContent;
      grow();
      prompt.focus();
      htmx.trigger(document.body, "composer-reset");
    });
    function grow() {
      if (CSS.supports("field-sizing", "content")) return;
      prompt.style.height = "auto";
      prompt.style.height = `${Math.min(prompt.scrollHeight, 240)}px`;
    }
    prompt.addEventListener("input", grow);
    window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

    // --- pictures: the button, a drop anywhere, and the clipboard all fill the one field -----------------
    const files = document.getElementById("files");
    form.querySelector("[data-add-pictures]").hidden = false;
    files.classList.add("visually-hidden");
    function addPictures(transfer) {
      const carried = new DataTransfer();
      [...transfer.files].forEach((file) => carried.items.add(file));
      files.files = carried.files;
      files.dispatchEvent(new Event("change", { bubbles: true }));
    }
    files.addEventListener("htmx:afterRequest", (event) => {
      if (event.detail.elt !== files) return;
      files.value = "";
      prompt.focus();
    });
    const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
    play.addEventListener("dragover", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      form.classList.add("is-dropping");
    });
    play.addEventListener("dragleave", (event) => { if (!play.contains(event.relatedTarget)) form.classList.remove("is-dropping"); });
    play.addEventListener("drop", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      form.classList.remove("is-dropping");
      addPictures(event.dataTransfer);
    });
    prompt.addEventListener("paste", (event) => {
      if (!event.clipboardData.files.length || event.clipboardData.types.includes("text/plain")) return;
      event.preventDefault();
      addPictures(event.clipboardData);
    });

    // --- while answers come ------------------------------------------------------------------------
    const isBusy = () => Boolean(document.querySelector('.answer[aria-busy="true"]'));
    let follows = true;
    scroll.addEventListener("scroll", () => { follows = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 48; }, { passive: true });
    function sync() {
      const busy = isBusy();
      form.querySelector("[data-send]").hidden = busy;
      form.querySelector("[data-stop]").hidden = !busy;
      if (follows && busy) scroll.scrollTop = scroll.scrollHeight;
      showColumns();
    }
    document.addEventListener("htmx:sseMessage", (event) => {
      if (event.detail.type === "tail") {
        const fold = event.target.closest(".answer")?.querySelector("details[data-auto]");
        if (fold) { fold.open = false; delete fold.dataset.auto; }
      }
      if (event.detail.type === "thinking") event.target.scrollTop = event.target.scrollHeight;
      sync();
    });
    document.addEventListener("htmx:afterSettle", sync);
    document.addEventListener("htmx:sseError", sync);

    // --- one column at a time on narrow screens ------------------------------------------------------
    const tabs = play.querySelector(".play-columns");
    function showColumns() {
      const last = every(".turn:last-child .answer");
      tabs.hidden = last.length < 2;
      if (tabs.hidden) { delete play.dataset.column; return; }
      play.dataset.column ??= "0";
      tabs.replaceChildren(...last.map((answer) => {
        const tab = document.createElement("button");
        tab.type = "button";
        tab.role = "tab";
        tab.textContent = answer.dataset.model;
        tab.setAttribute("aria-selected", answer.dataset.column === play.dataset.column);
        const mark = answer.querySelector(".answer-head .status").cloneNode();
        mark.classList.remove("right");
        tab.append(mark);
        tab.onclick = () => { play.dataset.column = answer.dataset.column; showColumns(); };
        return tab;
      }));
    }

    // --- models ------------------------------------------------------------------------------------
    function showPicker(picker) {
      const chosen = picker.querySelector("select").selectedOptions[0];
      const facts = picker.querySelector(".picker-facts");
      const price = document.createElement("span");
      price.dataset.priceShown = "";
      price.textContent = chosen.dataset.price ?? "";
      const known = pickers.querySelector(`[data-word="${chosen.dataset.health}"]`);
      facts.replaceChildren(...(known ? [known.content.cloneNode(true)] : []), price);
    }
    function showPickers() {
      const all = every(".picker", pickers);
      all.forEach((picker) => { picker.querySelector("[data-remove-model]").hidden = all.length < 2; });
      pickers.querySelector("[data-add-model]").hidden = all.length >= Number(pickers.dataset.columnsMax);
      htmx.trigger(document.body, "models-changed");
    }
    pickers.addEventListener("change", (event) => {
      if (!event.target.matches("select")) return;
      showPicker(event.target.closest(".picker"));
      htmx.trigger(document.body, "models-changed");
    });
    pickers.addEventListener("click", (event) => {
      const add = event.target.closest("[data-add-model]");
      const remove = event.target.closest("[data-remove-model]");
      if (add) {
        const last = every(".picker", pickers).at(-1);
        const copy = last.cloneNode(true);
        const select = copy.querySelector("select");
        select.selectedIndex = (last.querySelector("select").selectedIndex + 1) % select.options.length;
        last.after(copy);
        showPicker(copy);
        select.focus();
      }
      if (remove) remove.closest(".picker").remove();
      if (add || remove) showPickers();
    });

    // --- parameters --------------------------------------------------------------------------------
    const wide = window.matchMedia("(min-width: 1201px)");
    const toggle = play.querySelector(".play-tools [data-toggle-parameters]");
    play.addEventListener("click", (event) => {
      if (!event.target.closest("[data-toggle-parameters]")) {
        if (event.target === play) showParameters(false); // the scrim
        return;
      }
      event.preventDefault();
      showParameters(wide.matches ? play.classList.contains("is-wide") : !play.classList.contains("is-parameters"));
    });
    function showParameters(open) {
      play.classList.toggle("is-wide", wide.matches && !open);
      play.classList.toggle("is-parameters", !wide.matches && open);
      toggle.setAttribute("aria-expanded", open);
      if (open) document.getElementById("system_prompt").focus(); else toggle.focus();
    }
    toggle.setAttribute("aria-expanded", wide.matches);
    document.addEventListener("keydown", (event) => { if (event.key === "Escape" && play.classList.contains("is-parameters")) showParameters(false); });
    const panel = document.getElementById("parameters");  // its fields change with the models
    function showSlider(slider) {
      const field = document.getElementById(slider.dataset.for);
      slider.classList.toggle("is-unset", !field.value);
      slider.value = field.value || (Number(slider.min) + Number(slider.max)) / 2;
    }
    const showSliders = () => every("[data-for]", panel).forEach(showSlider);
    panel.addEventListener("input", (event) => {
      const slider = event.target;
      if (!slider.dataset.for) return showSliders();
      document.getElementById(slider.dataset.for).value = slider.value;
      slider.classList.remove("is-unset");
    });
    panel.addEventListener("htmx:afterSettle", (event) => {
      if (event.target.id !== "parameter-fields") return;
      showSliders();
      htmx.trigger(document.body, "composer-reset");
    });
    showSliders();
    play.querySelector("[data-reset-parameters]").addEventListener("click", () => {
      every('#parameters [form="composer"]').forEach((field) => {
        if (field.type === "radio") field.checked = field.value === ""; else field.value = "";
        field.dispatchEvent(new Event("input", { bubbles: true }));
      });
    });

    sync();
    scroll.scrollTop = scroll.scrollHeight;
  }
}
