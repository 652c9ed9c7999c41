// The plot: one row a channel, with the curves of all takes; rows are chosen by name.

const STRONGEST = 6;
const ROW_HEIGHT = 44;

class Curves {
  constructor(takes, names, end, seek) {
    Object.assign(this, { takes, names, end, seek });
    this.rows = [];
    this.strength = names.map((_, channel) => Math.max(...takes.map((take) => spread(take.curves[channel]))));
    this.order = names.map((_, channel) => channel).sort((a, b) => this.strength[b] - this.strength[a] || a - b);
    this.chips = this.order.map((channel) => this.chip(channel));
    document.getElementById("chips").append(...this.chips.map((chip) => chip.element));
    const filter = document.getElementById("filter");
    filter.addEventListener("input", () => {
      const wanted = filter.value.trim().toLowerCase();
      this.chips.forEach(({ element }) => {
        element.hidden = !element.textContent.toLowerCase().includes(wanted);
      });
    });
    document.getElementById("strongest").addEventListener("click", () => this.choose(this.strongest()));
    this.choose(this.strongest());
  }

  // The curves that move most; of two sides that move alike, one.
  strongest() {
    const chosen = [];
    for (const channel of this.order) {
      const other = this.names.indexOf(mirrored(this.names[channel]));
      if (!(chosen.includes(other) && this.alike(channel, other))) chosen.push(channel);
      if (chosen.length === STRONGEST) break;
    }
    return chosen;
  }

  alike(one, other) {
    const apart = this.takes.map(({ curves }) => Math.max(...extremes(curves[one].map((v, at) => v - curves[other][at])).map(Math.abs)));
    return Math.max(...apart) < 0.2 * this.strength[one];
  }

  chip(channel) {
    const element = document.createElement("button");
    element.type = "button";
    element.textContent = this.names[channel];
    element.classList.toggle("still", this.strength[channel] < 0.005 * UNITS);
    element.addEventListener("click", () => {
      const chosen = this.rows.map((row) => row.channel);
      this.choose(chosen.includes(channel) ? chosen.filter((other) => other !== channel) : [...chosen, channel]);
    });
    return { channel, element };
  }

  choose(channels) {
    const kept = new Map(this.rows.map((row) => [row.channel, row]));
    this.rows = channels.map((channel) => kept.get(channel) ?? this.row(channel));
    document.getElementById("rows").replaceChildren(...this.rows.map((row) => row.element));
    this.chips.forEach(({ channel, element }) => element.setAttribute("aria-pressed", channels.includes(channel)));
    this.draw();
    this.show(this.time ?? 0);
  }

  row(channel) {
    const element = document.getElementById("row").content.firstElementChild.cloneNode(true);
    const plot = element.querySelector(".plot");
    element.querySelector(".name").textContent = this.names[channel];
    element.querySelector(".unit").hidden = !isAngle(this.names[channel]);
    const values = this.takes.map(() => document.createElement("output"));
    values.forEach((value, take) => value.classList.toggle(`take-${take}`, this.takes.length > 1));
    element.querySelector(".values").append(...values);
    const move = (event) => {
      const box = plot.getBoundingClientRect();
      this.seek(((event.clientX - box.left) / box.width) * this.end);
    };
    plot.addEventListener("pointerdown", (event) => {
      plot.setPointerCapture(event.pointerId);
      move(event);
    });
    plot.addEventListener("pointermove", (event) => plot.hasPointerCapture(event.pointerId) && move(event));
    return { channel, element, plot, values, canvas: element.querySelector("canvas"), head: element.querySelector(".head") };
  }

  // Draws the curves again, after a choice or a change of size or colours.
  draw() {
    const style = getComputedStyle(document.documentElement);
    const colours = this.takes.map((_, take) => style.getPropertyValue(this.takes.length > 1 ? `--take-${take}` : "--accent"));
    for (const row of this.rows) {
      const width = row.plot.clientWidth;
      const density = window.devicePixelRatio || 1;
      row.canvas.width = Math.max(1, Math.round(width * density));
      row.canvas.height = Math.round(ROW_HEIGHT * density);
      const context = row.canvas.getContext("2d");
      context.scale(density, density);
      const [low, high] = this.range(row.channel);
      const down = (value) => 3 + (1 - (value - low) / (high - low)) * (ROW_HEIGHT - 6);
      context.strokeStyle = style.getPropertyValue("--rule");
      context.beginPath();
      for (const line of [0, high]) {
        context.moveTo(0, down(line));
        context.lineTo(width, down(line));
      }
      context.stroke();
      this.takes.forEach((take, number) => {
        const across = (frame) => (this.end > 0 ? frame / take.rate / this.end : 0.5) * width;
        context.strokeStyle = colours[number];
        context.fillStyle = colours[number];
        line(context, take, row.channel, across, down);
        if (this.takes.length > 1) return;
        context.lineTo(across(take.frames - 1), down(0));
        context.lineTo(across(0), down(0));
        context.globalAlpha = 0.12;
        context.fill();
        context.globalAlpha = 1;
      });
    }
  }

  // Weights from 0 to 1, angles as far as they turn to either side.
  range(channel) {
    const ends = this.takes.flatMap((take) => extremes(take.curves[channel])).map((value) => value / UNITS);
    if (!isAngle(this.names[channel])) return [Math.min(0, ...ends), Math.max(1, ...ends)];
    const most = Math.max(0.2, ...ends.map(Math.abs));
    return [-most, most];
  }

  show(time) {
    this.time = time;
    const share = this.end > 0 ? time / this.end : 0.5;
    for (const row of this.rows) {
      row.head.style.left = `${share * 100}%`;
      this.takes.forEach((take, number) => {
        const value = coefficient(take, row.channel, placeOf(take, time));
        row.values[number].textContent = written(value);
      });
    }
  }
}

function line(context, take, channel, across, down) {
  context.lineWidth = 1.75;
  context.lineJoin = "round";
  context.beginPath();
  take.curves[channel].forEach((value, frame) => context.lineTo(across(frame), down(value / UNITS)));
  if (take.frames === 1) context.arc(across(0), down(take.curves[channel][0] / UNITS), 2, 0, 2 * Math.PI);
  context.stroke();
}

function extremes(curve) {
  return [curve.reduce((a, b) => Math.min(a, b)), curve.reduce((a, b) => Math.max(a, b))];
}

// How far a curve moves; where none does, the farthest from neutral comes first.
function spread(curve) {
  const [low, high] = extremes(curve);
  return high - low || 0.001 * Math.abs(high);
}

const mirrored = (name) => name.replace(/Left|Right/, (side) => (side === "Left" ? "Right" : "Left"));
const isAngle = (name) => /(Yaw|Pitch|Roll)$/.test(name);
const written = (value) => value.toFixed(2).replace(/^-(0\.00)$/, "$1").replace("-", "−");
