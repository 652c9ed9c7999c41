// The clock that all takes share, and the controls.

const find = (id) => document.getElementById(id);

// A place between frames, from 0 to the last frame; a take that has ended stays on its last one.
function placeOf(take, time) {
  const place = Math.min(Math.max(time * take.rate, 0), take.frames - 1);
  const whole = Math.round(place);
  return Math.abs(place - whole) < 1e-6 ? whole : place;
}

class Player {
  constructor(takes, names) {
    this.takes = takes;
    this.end = Math.max(...takes.map((take) => take.end));
    this.rate = Math.max(...takes.map((take) => take.rate));
    this.time = 0;
    this.playing = false;
    const seek = (time) => this.seek(time);
    this.canvases = takes.map((_, number) => find(`face-${number}`));
    this.captions = takes.map((_, number) => find(`caption-${number}`));
    this.timeline = new Timeline(takes, this.end, seek);
    this.keyframes = new Keyframes(takes, seek);
    this.curves = new Curves(takes, names, this.end, seek);
    this.control();
    new ResizeObserver(() => this.resize()).observe(find("main"));
    this.resize();
  }

  control() {
    find("play").addEventListener("click", () => this.toggle());
    find("back").addEventListener("click", () => this.step(-1));
    find("forward").addEventListener("click", () => this.step(1));
    find("loop").addEventListener("click", () => this.toggleLoop());
    find("theme").addEventListener("click", () => this.toggleTheme());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolour());
    document.addEventListener("keydown", (event) => this.key(event));
    // A button that was clicked keeps no focus: the space bar then plays again.
    document.addEventListener("click", (event) => event.detail && event.target.closest("button")?.blur());
    for (const id of ["play", "back", "forward", "loop"]) find(id).disabled = this.end === 0;
    this.recolour();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select")) return;
    if (event.key === " " && event.target.matches("button, summary")) return;
    const actions = {
      " ": () => this.toggle(),
      ArrowLeft: () => (event.shiftKey ? this.jump(-1) : this.step(-1)),
      ArrowRight: () => (event.shiftKey ? this.jump(1) : this.step(1)),
      Home: () => this.seek(0),
      End: () => this.seek(this.end),
      l: () => this.toggleLoop(),
    };
    if (!(event.key in actions)) return;
    event.preventDefault();
    actions[event.key]();
  }

  toggle() {
    if (this.playing || this.end === 0) return this.pause();
    if (this.time >= this.end) this.time = 0;
    this.playing = true;
    this.label();
    let before = performance.now();
    const tick = (now) => {
      if (!this.playing) return;
      this.time += (Math.max(0, now - before) / 1000) * Number(find("speed").value);
      before = now;
      if (this.time >= this.end) {
        if (find("loop").getAttribute("aria-pressed") === "true") this.time %= this.end;
        else {
          this.time = this.end;
          this.pause();
        }
      }
      this.show();
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  pause() {
    this.playing = false;
    this.label();
  }

  label() {
    document.body.classList.toggle("playing", this.playing);
    find("play").setAttribute("aria-label", this.playing ? "Pause" : "Play");
  }

  seek(time) {
    this.time = Math.min(Math.max(time, 0), this.end);
    this.show();
  }

  // One frame of the take with the most frames a second.
  step(frames) {
    this.pause();
    const frame = this.time * this.rate;
    const next = frames > 0 ? Math.floor(frame + 1e-6) + frames : Math.ceil(frame - 1e-6) + frames;
    this.seek(next / this.rate);
  }

  // To the next or the last keyframe of any take; without keyframes, one second.
  jump(way) {
    const marks = this.takes.flatMap((take) => take.marks.map(([seconds]) => seconds)).sort((a, b) => a - b);
    if (way < 0) marks.reverse();
    const next = marks.find((seconds) => (seconds - this.time) * way > 1e-3);
    this.pause();
    this.seek(next ?? this.time + way);
  }

  toggleLoop() {
    const loop = find("loop");
    loop.setAttribute("aria-pressed", loop.getAttribute("aria-pressed") !== "true");
  }

  toggleTheme() {
    document.documentElement.dataset.theme = this.dark() ? "light" : "dark";
    this.recolour();
  }

  dark() {
    const { theme } = document.documentElement.dataset;
    return theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  }

  recolour() {
    find("theme").setAttribute("aria-label", this.dark() ? "Light colours" : "Dark colours");
    this.curves.draw();
  }

  resize() {
    const density = window.devicePixelRatio || 1;
    for (const canvas of this.canvases) {
      const side = Math.max(1, Math.round(canvas.clientWidth * density));
      if (canvas.width !== side) canvas.width = canvas.height = side;
    }
    this.curves.draw();
    this.show();
  }

  show() {
    this.takes.forEach((take, number) => {
      drawFace(this.canvases[number], take, placeOf(take, this.time));
      const mark = nearestMark(take, this.time);
      const words = mark < 0 ? take.text : take.marks[mark][1];
      if (this.captions[number].textContent !== words) this.captions[number].textContent = words;
      this.canvases[number].classList.toggle("ended", this.time > take.end + 1 / take.rate);
    });
    this.timeline.show(this.time);
    this.keyframes.show(this.time);
    this.curves.show(this.time);
    find("now").textContent = clock(this.time);
    find("frame").textContent = Math.floor(this.time * this.rate + 1e-6) + 1;
  }
}

async function main() {
  const description = JSON.parse(find("description").textContent);
  if (!("DecompressionStream" in window)) {
    find("message").textContent = "This browser is too old for the page: use Chromium 80, Firefox 113, Safari 16.4 or later.";
    return;
  }
  const packed = description.takes.map((take, number) => unpack(take, find(`take-${number}`).textContent));
  const player = new Player(await Promise.all(packed), description.channels);
  find("message").remove();
  const start = /^#t=([\d.]+)$/.exec(location.hash);
  if (start) player.seek(Number(start[1]));
  else if (!matchMedia("(prefers-reduced-motion: reduce)").matches) player.toggle();
  document.body.classList.add("ready");
}

main();
