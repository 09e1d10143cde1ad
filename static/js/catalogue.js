// The catalogue's filter: the price follows the slider; a change needs no button.
"use strict";

const priceShown = document.querySelector("[data-price-shown]");
document.querySelector("[data-price]")?.addEventListener("input", (event) => { priceShown.textContent = event.target.value; });
document.querySelector("#filter [data-plain]")?.classList.add("is-needless");
