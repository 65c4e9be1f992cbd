// Turns the titles of a layer table into buttons that sort its rows: the largest first, then the smallest first, then in the
// order of the network. Blocks are left out while the rows are sorted.
for (const box of document.querySelectorAll(".cnncalc:not([data-ready])")) {
  box.dataset.ready = "";
  const amount = (cell) => {
    const text = cell.textContent.trim();
    if (text === "all") return Infinity;
    if (text === "" || text.includes("?")) return -1;
    return text.split("/")[0].split("x").reduce((product, size) => product * Number(size.replace(/[^0-9.]/g, "")), 1);
  };
  for (const table of box.querySelectorAll("table.layers")) {
    const body = table.tBodies[0], rows = [...body.rows], titles = [...table.tHead.rows[0].cells];
    const groups = [];
    for (const row of rows) {
      if (row.classList.contains("working")) groups.at(-1).push(row);
      else if (!row.classList.contains("block")) groups.push([row]);
    }
    titles.forEach((title, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...title.childNodes);
      title.append(button);
      button.onclick = () => {
        const order = column ? { descending: "ascending", ascending: "" }[title.ariaSort] ?? "descending" : "";
        for (const other of titles) other.removeAttribute("aria-sort");
        if (!order) return body.replaceChildren(...rows);
        title.setAttribute("aria-sort", order);
        const sign = order === "ascending" ? 1 : -1;
        const ordered = groups.toSorted((a, b) => sign * (amount(a[0].cells[column]) - amount(b[0].cells[column])) || 0);
        body.replaceChildren(...ordered.flat());
      };
    });
  }
}
