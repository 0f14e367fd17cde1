// Chosen cells: compared side by side, and downloaded.

const chosen = new Set();
const MOST_COMPARED = 4;

// A value with its unit; its parts are never torn apart at the end of a line.
function told(column, i) {
  const value = column.values[i], text = written(value);
  return typeof value === "number" && column.unit ? `${text}\u00a0${column.unit}` : text;
}

function choose(i, whether) {
  if (whether) chosen.add(i); else chosen.delete(i);
  for (const box of document.querySelectorAll(`input[data-choose="${i}"]`)) box.checked = whether;
  tellChosen();
  plotCells();
}

function tellChosen() {
  const many = chosen.size;
  $("chosen").textContent = many ? `${many} chosen` : "none chosen";
  $("compare").disabled = many < 2 || many > MOST_COMPARED;
  $("compare").title = `Choose two to ${MOST_COMPARED} cells`;
  for (const id of ["get-csv", "get-json", "get-stl", "forget"]) $(id).disabled = !many;
}

function compareChosen() {
  const cells = [...chosen].slice(0, MOST_COMPARED);
  const head = element("tr");
  head.append(element("th", ""), ...cells.map((i) => {
    const cell = element("th"), canvas = element("canvas", undefined, { width: 320, height: 320 });
    if (renderer) renderer.draw(canvas, i, { ...START, tile: 1, axis: -1 }, 1);
    cell.append(canvas, element("div", data.names[i]));
    return cell;
  }));
  const rows = data.columns.map((column) => {
    const row = element("tr");
    row.append(element("th", column.unit ? `${column.name} (${column.unit})` : column.name, { scope: "row" }));
    const numbers = cells.map((i) => column.values[i]).filter((v) => typeof v === "number");
    const most = numbers.length > 1 && Math.min(...numbers) < Math.max(...numbers) ? Math.max(...numbers) : null;
    row.append(...cells.map((i) => element("td", written(column.values[i]), { className: column.values[i] === most && most !== null ? "most" : "" })));
    return row;
  });
  const table = element("table");
  table.append(head, ...rows);
  $("compared").replaceChildren(table);
  $("comparison").showModal();
}

function fileName(text) {
  return text.replace(/[^\w.-]+/g, "_").slice(0, 80);
}

function save(content, name, type) {
  const link = element("a", undefined, { download: name });
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function csvOf(cells) {
  const quoted = (text) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const head = ["id", ...data.columns.map((column) => (column.unit ? `${column.name} (${column.unit})` : column.name))];
  const rows = cells.map((i) => [data.names[i], ...data.columns.map((column) => (column.values[i] === null ? "" : String(column.values[i])))]);
  return [head, ...rows].map((row) => row.map(quoted).join(",")).join("\n") + "\n";
}

// The stiffness in Voigt order xx, yy, zz, yz, xz, xy, engineering shear, in units of the solid's Young's modulus.
function jsonOf(cells) {
  return JSON.stringify(cells.map((i) => {
    const own = { id: data.names[i] };
    if (data.tensors) {
      const matrix = [0, 1, 2, 3, 4, 5].map(() => Array(6).fill(0));
      let next = 0;
      for (let a = 0; a < 6; a++) for (let b = a; b < 6; b++) matrix[a][b] = matrix[b][a] = data.tensors[i][next++];
      own.stiffness = matrix;
      own.order = "xx, yy, zz, yz, xz, xy; engineering shear; in units of the solid's Young's modulus";
    }
    own.properties = Object.fromEntries(data.columns.map((column) => [column.name, { value: column.values[i], unit: column.unit }]));
    return own;
  }), null, 1);
}

function beginChoice() {
  const rows = () => [...chosen].sort((a, b) => a - b);
  $("compare").addEventListener("click", compareChosen);
  $("compare-close").addEventListener("click", () => $("comparison").close());
  $("forget").addEventListener("click", () => { for (const i of rows()) choose(i, false); });
  $("get-csv").addEventListener("click", () => save(csvOf(rows()), "cells.csv", "text/csv"));
  $("get-json").addEventListener("click", () => save(jsonOf(rows()), "cells.json", "application/json"));
  $("get-stl").addEventListener("click", () => { for (const i of rows()) save(stlOf(i, data.size), fileName(data.names[i]) + ".stl", "model/stl"); });
  $("view-choose").addEventListener("change", () => choose(opened, $("view-choose").checked));
  tellChosen();
}
