/* The picture beside what was read in it: drawn from the file in the form, for it never comes back from the server. */
"use strict";

{
  const SVG = "http://www.w3.org/2000/svg";
  const made = (name, attributes) => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };

  document.addEventListener("htmx:afterSettle", () => {
    const place = document.querySelector("#tried [data-picture]");
    const file = document.getElementById("file")?.files[0];
    if (!place || place.childElementCount || file?.name !== place.dataset.picture || !file.type.startsWith("image/")) return;
    const reader = new FileReader();
    reader.onload = () => {
      const picture = new Image();
      picture.onload = () => draw(place, picture);
      picture.src = reader.result;
    };
    reader.readAsDataURL(file);
  });

  function draw(place, picture) {
    const { naturalWidth: width, naturalHeight: height } = picture;
    const svg = made("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": place.dataset.label });
    svg.append(made("image", { href: picture.src, width, height }));
    const boxes = place.dataset.boxes ? place.dataset.boxes.split(";") : [];
    svg.append(...boxes.map((points) => made("polygon", { points })));
    place.replaceChildren(svg);
    place.hidden = false;
  }
}
