// Links the picture of a network with its table: the pointer on either marks both, and a click in the picture leads to the row.
// Shows what is alive at the moment of the memory curve that the pointer, or the slider below the curve, is on.
for (const section of document.querySelectorAll(".cnncalc section")) {
  const rows = [...section.querySelectorAll("tr[data-layers]")];
  const shapes = [...section.querySelectorAll(".picture g[data-layers]")];
  const range = (row) => row.dataset.layers.split("-").map(Number);
  const numbers = (shape) => shape.dataset.layers.split(" ").map(Number);
  const light = (rows, shapes) => {
    for (const one of section.querySelectorAll(".lit")) one.classList.remove("lit");
    for (const one of [...rows, ...shapes]) one.classList.add("lit");
  };
  const rowsOf = (shape) => {
    const layers = numbers(shape), first = Math.min(...layers), last = Math.max(...layers);
    const exact = rows.filter((row) => range(row)[0] === first && range(row)[1] === last);
    return exact.length ? exact : rows.filter((row) => range(row)[0] === range(row)[1] && layers.includes(range(row)[0]));
  };
  const shapesOf = (row) => {
    const [first, last] = range(row);
    return shapes.filter((shape) => numbers(shape).some((layer) => first <= layer && layer <= last));
  };
  for (const shape of shapes) {
    shape.addEventListener("pointerenter", () => light(rowsOf(shape), [shape]));
    shape.addEventListener("pointerleave", () => light([], []));
    shape.addEventListener("click", () => {
      const row = rowsOf(shape)[0];
      if (!row) return;
      for (const name of row.classList) {
        const fold = section.querySelector(`tbody [data-block="${name.slice(1)}"]`);
        if (fold) fold.open = true;
      }
      const working = row.querySelector(".layer");
      if (working) working.open = true;
      for (const other of section.querySelectorAll(".found")) other.classList.remove("found");
      row.classList.add("found");
      row.scrollIntoView({ block: "center" });
    });
  }
  for (const row of rows) {
    row.addEventListener("pointerenter", () => light([row], shapesOf(row)));
    row.addEventListener("pointerleave", () => light([], []));
  }
  for (const curve of section.querySelectorAll(".curve")) {
    const { bound, kinds, moments, peak } = JSON.parse(curve.querySelector("script").textContent);
    const columns = [...curve.querySelectorAll("svg g[data-name]")];
    const readout = curve.querySelector(".moment");
    const slider = document.createElement("input");
    Object.assign(slider, { type: "range", min: 0, max: moments.length - 1, value: peak });
    slider.setAttribute("aria-label", "moment of the step");
    const show = (number) => {
      const [phase, at, live, ...parts] = moments[number];
      const alive = kinds.map((kind, place) => [kind, parts[place]]).filter(([, size]) => size).sort((a, b) => b[1] - a[1]);
      const [title, list] = [document.createElement("b"), document.createElement("div")];
      title.textContent = `${phase}, ${at}: ${bound}${live.toLocaleString("en")} B`;
      list.textContent = alive.map(([kind, size]) => `${kind} ${size.toLocaleString("en")} B`).join(" \u00b7 ");
      readout.replaceChildren(title, list);
      slider.value = number;
      columns.forEach((column, place) => column.classList.toggle("lit", place === number));
    };
    columns.forEach((column, number) => column.addEventListener("pointerenter", () => show(number)));
    slider.addEventListener("input", () => show(Number(slider.value)));
    readout.before(slider);
    show(peak);
  }
}
