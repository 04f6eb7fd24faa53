(function () {
  "use strict";
  const root = document.documentElement;
  root.dataset.charts = "0";
  root.dataset.problems = "0";
  window.addEventListener("error", () => { root.dataset.problems = String(+root.dataset.problems + 1); });

  const charts = JSON.parse(document.getElementById("charts").textContent);
  const color = (tone) => getComputedStyle(root).getPropertyValue("--" + tone).trim();
  const font = (size) => size + "px " + getComputedStyle(document.body).fontFamily;
  const WHOLE = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6, 1e7];

  function number(value) {
    if (value == null) return "–";
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-4 || size >= 1e7)) return value.toExponential(2).replace("-", "−").replace("e+", "e");
    return String(+value.toPrecision(4)).replace("-", "−");
  }

  function tick(value) {
    const size = Math.abs(value);
    for (const [unit, letter] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
      if (size >= 10 * unit || (size >= 1e6 && size >= unit)) return number(value / unit) + letter;
    }
    return number(value);
  }

  function make(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const name in attributes || {}) element.setAttribute(name, attributes[name]);
    element.append(...children);
    return element;
  }

  function sample(line) {
    const space = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(space, "svg");
    svg.setAttribute("width", "30"); svg.setAttribute("height", "10"); svg.setAttribute("aria-hidden", "true");
    const mark = document.createElementNS(space, line.points ? "circle" : "line");
    const place = line.points ? { cx: 15, cy: 5, r: 3 } : { x1: 1, x2: 29, y1: 5, y2: 5 };
    for (const name in place) mark.setAttribute(name, place[name]);
    mark.style.stroke = mark.style.fill = "var(--" + line.tone + ")";
    mark.style.strokeWidth = line.width;
    mark.style.strokeDasharray = line.dash.join(" ");
    svg.append(mark);
    return svg;
  }

  class Graph {
    constructor(spec) {
      this.spec = spec;
      this.figure = document.getElementById(spec.key);
      this.plot = this.figure.querySelector(".plot");
      this.shown = spec.series.map(() => true);
      this.log = false;
      this.uplot = null;
      this.tools();
      this.keys();
      new ResizeObserver(() => this.fit()).observe(this.plot);
    }

    tools() {
      const tools = make("span", { class: "tools" });
      if (this.spec.log && this.spec.series.some((line) => line.values.some((value) => value > 0))) {
        const button = make("button", { type: "button", "aria-pressed": "false", title: "logarithmic axis; zeros and below are left out" }, "log");
        button.addEventListener("click", () => {
          this.log = !this.log;
          button.setAttribute("aria-pressed", String(this.log));
          this.draw();
        });
        tools.append(button);
      }
      this.figure.querySelector("figcaption").append(tools);
    }

    keys() {
      const keys = this.figure.querySelector(".keys");
      this.at = make("span", { class: "at" });
      this.values = this.spec.series.map((line, i) => {
        const value = make("b");
        const button = make("button", { type: "button", "aria-pressed": "true", title: "show or hide" }, sample(line), line.label, value);
        button.addEventListener("click", () => {
          this.shown[i] = !this.shown[i];
          button.setAttribute("aria-pressed", String(this.shown[i]));
          if (this.uplot) this.uplot.setSeries(i + 1, { show: this.shown[i] });
        });
        keys.append(button);
        return value;
      });
      keys.append(this.at);
      this.read(null);
    }

    read(index) {
      const spec = this.spec;
      const marked = spec.mark ? spec.x.indexOf(spec.mark.x) : null;
      const i = index == null ? marked : index;
      this.at.textContent = i == null ? "at the end" : spec.x_label + " " + number(spec.x[i]);
      spec.series.forEach((line, k) => {
        const value = i == null ? line.values.findLast((v) => v != null) : line.values[i];
        this.values[k].textContent = value == null ? "–" : number(value) + line.unit;
      });
      this.values.concat(this.at).forEach((element) => { element.hidden = index == null && !spec.whole_x; });
    }

    fit() {
      const width = this.plot.clientWidth, height = this.plot.clientHeight;
      if (width < 40 || height < 40) return;
      if (this.uplot) this.uplot.setSize({ width, height });
      else this.draw();
    }

    draw() {
      const width = this.plot.clientWidth, height = this.plot.clientHeight;
      if (this.uplot) this.uplot.destroy();
      else root.dataset.charts = String(+root.dataset.charts + 1);
      this.uplot = null;
      if (width < 40 || height < 40) return;
      const keep = (value) => (this.log && !(value > 0) ? null : value);
      const data = [this.spec.x].concat(this.spec.series.map((line) => line.values.map(keep)));
      this.uplot = new uPlot(this.options(width, height), data, this.plot);
    }

    options(width, height) {
      return {
        width, height,
        padding: [10, this.spec.axes.some((axis) => axis.side === "right") ? 0 : 20, 0, 0],
        scales: this.scales(),
        axes: [this.bottom()].concat(this.spec.axes.map((axis) => this.side(axis))),
        series: [{}].concat(this.spec.series.map((line, i) => this.line(line, i))),
        legend: { show: false },
        cursor: { y: false, points: { size: 7 }, drag: { x: true, y: false } },
        hooks: {
          draw: [(u) => { this.mark(u); this.plot.dataset.drawn = String(u.series.length - 1); }],
          setCursor: [(u) => this.read(u.cursor.idx)],
        },
      };
    }

    scales() {
      const spec = this.spec, x = spec.x;
      const scales = { x: { time: false } };
      if (x.length === 1 || x[0] === x[x.length - 1]) scales.x.range = [x[0] - 1, x[0] + 1];
      for (const axis of spec.axes) {
        scales[axis.scale] = {
          distr: this.log ? 3 : 1,
          range: (u, low, high) => {
            if (this.log) return low > 0 ? uPlot.rangeLog(low, high, 10, false) : [0.1, 1];
            if (low == null) return [0, 1];
            if (!spec.from_zero) return uPlot.rangeNum(low, high, 0.06, true);
            return [Math.min(0, low * 1.06), high > 0 ? high * 1.06 : low < 0 ? 0 : 1];
          },
        };
      }
      return scales;
    }

    look(axis) {
      return Object.assign({
        stroke: () => color("muted"), font: font(12), labelFont: font(12), labelSize: 18, labelGap: 0,
        grid: { stroke: () => color("grid"), width: 1 }, ticks: { stroke: () => color("rule"), width: 1, size: 4 }, gap: 4,
      }, axis);
    }

    bottom() {
      const axis = { label: this.spec.x_label, size: 28, space: 48, values: (u, ticks) => ticks.map(tick) };
      axis.grid = { show: false };
      if (this.spec.whole_x) axis.incrs = WHOLE;
      return this.look(axis);
    }

    side(axis) {
      const right = axis.side === "right";
      const size = (u, values) => 12 + 6.8 * Math.max(3, ...(values || []).map((value) => (value || "").length));
      const values = (u, ticks) => ticks.map((value) => (value == null ? "" : tick(value)));
      return this.look({
        scale: axis.scale, side: right ? 1 : 3, label: axis.label, size, values, space: 34,
        grid: { show: !right, stroke: () => color("grid"), width: 1 },
      });
    }

    line(line, i) {
      const few = this.spec.x.length <= 12;
      const series = {
        scale: line.scale, show: this.shown[i], label: line.label, width: line.width, dash: line.dash,
        stroke: () => color(line.tone), points: { show: line.points || few, size: line.points ? 4 : 6 },
      };
      if (line.points) {
        series.paths = () => null;
        series.points.fill = () => color(line.tone);
      }
      return series;
    }

    mark(u) {
      for (const mark of [this.spec.mark, ...this.spec.marks]) if (mark) this.rule(u, mark);
    }

    rule(u, mark) {
      const x = Math.round(u.valToPos(mark.x, "x", true)), box = u.bbox, ratio = devicePixelRatio || 1;
      if (x < box.left || x > box.left + box.width) return;
      const c = u.ctx;
      c.save();
      c.strokeStyle = c.fillStyle = color("ink");
      c.lineWidth = ratio;
      c.setLineDash([3 * ratio, 3 * ratio]);
      c.beginPath(); c.moveTo(x, box.top); c.lineTo(x, box.top + box.height); c.stroke();
      c.font = font(12 * ratio);
      const room = c.measureText(mark.label).width + 6 * ratio;
      const left = x + room > box.left + box.width;
      c.textAlign = left ? "right" : "left";
      c.textBaseline = "top";
      c.fillText(mark.label, x + (left ? -5 : 5) * ratio, box.top + 2 * ratio);
      c.restore();
    }
  }

  function sortable(table) {
    const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
    const key = (row, i) => row.cells[i].dataset.key;
    const order = (a, b) => (isNaN(a) || isNaN(b) ? a.localeCompare(b) : a - b);
    heads.forEach((head, i) => {
      const button = make("button", { type: "button", title: "sort" }, ...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = [...body.rows].filter((row) => key(row, i) !== ""), rest = [...body.rows].filter((row) => key(row, i) === "");
        rows.sort((a, b) => (down ? -1 : 1) * order(key(a, i), key(b, i)));
        body.append(...rows, ...rest);
      });
    });
  }

  document.querySelectorAll("table.sortable").forEach(sortable);
  const graphs = charts.map((spec) => new Graph(spec));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    graphs.forEach((graph) => { if (graph.uplot) graph.draw(); });
  });
  root.dataset.ready = String(graphs.length);
})();
