// The bar with the marks of the keyframes: a slider that pointer and keys move.

class Timeline {
  constructor(takes, end, seek) {
    Object.assign(this, { end, seek });
    this.bar = document.getElementById("timeline");
    this.done = this.bar.querySelector(".done");
    this.thumb = this.bar.querySelector(".thumb");
    this.bar.setAttribute("aria-valuemax", end.toFixed(2));
    const marks = this.bar.querySelector(".marks");
    for (const group of groups(takes)) {
      const colour = group.length === takes.length ? "" : `take-${takes.indexOf(group[0])}`;
      marks.append(...group[0].marks.map(([seconds, words]) => this.mark(colour, seconds, words)));
    }
    const move = (event) => {
      const box = marks.getBoundingClientRect();
      this.seek(((event.clientX - box.left) / box.width) * this.end);
    };
    this.bar.addEventListener("pointerdown", (event) => {
      this.bar.setPointerCapture(event.pointerId);
      move(event);
    });
    this.bar.addEventListener("pointermove", (event) => this.bar.hasPointerCapture(event.pointerId) && move(event));
  }

  mark(colour, seconds, words) {
    const element = document.createElement("i");
    element.className = colour;
    element.title = words;
    element.style.left = `${this.share(seconds) * 100}%`;
    return element;
  }

  share(seconds) {
    return this.end > 0 ? seconds / this.end : 0;
  }

  show(time) {
    const share = this.share(time);
    this.done.style.width = `${share * 100}%`;
    this.thumb.style.left = `${share * 100}%`;
    this.bar.setAttribute("aria-valuenow", time.toFixed(2));
    this.bar.setAttribute("aria-valuetext", `${time.toFixed(2)} seconds`);
  }
}

// The list of the keyframes with their words; takes with the same keyframes share one.
class Keyframes {
  constructor(takes, seek) {
    this.entries = [];
    const lists = document.getElementById("lists");
    for (const group of groups(takes)) {
      if (group.length < takes.length) {
        const heading = document.createElement("h3");
        heading.textContent = group.map((take) => take.title).join(" · ");
        lists.append(heading);
      }
      const list = document.createElement("ol");
      list.append(...group[0].marks.map(([seconds, words], mark) => this.entry(group[0], mark, seconds, words, seek)));
      lists.append(list);
    }
    document.getElementById("keyframes").hidden = !this.entries.length;
    document.body.classList.toggle("marked", this.entries.length > 0);
  }

  entry(take, mark, seconds, words, seek) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    const time = document.createElement("time");
    const text = document.createElement("span");
    time.textContent = clock(seconds);
    text.textContent = words || `Keyframe ${mark + 1}`;
    text.classList.toggle("wordless", !words);
    button.type = "button";
    button.append(time, text);
    button.addEventListener("click", () => seek(seconds));
    item.append(button);
    this.entries.push({ take, mark, button });
    return item;
  }

  show(time) {
    for (const { take, mark, button } of this.entries) {
      const now = nearestMark(take, time) === mark;
      if (now === (button.getAttribute("aria-current") === "true")) continue;
      button.setAttribute("aria-current", now);
      const list = button.closest("ol");
      const top = button.offsetTop;
      if (now && (top < list.scrollTop || top + button.offsetHeight > list.scrollTop + list.clientHeight)) list.scrollTop = top - 40;
    }
  }
}

// Seconds, or minutes and seconds.
function clock(seconds) {
  if (seconds < 60) return `${seconds.toFixed(2)} s`;
  return `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(2).padStart(5, "0")}`;
}

// Takes with keyframes, those with the same ones together.
function groups(takes) {
  const found = new Map();
  for (const take of takes.filter(({ marks }) => marks.length)) {
    const key = JSON.stringify(take.marks);
    found.set(key, [...(found.get(key) ?? []), take]);
  }
  return [...found.values()];
}

// The number of the keyframe that is nearest in time; -1 where there is none.
function nearestMark(take, time) {
  let nearest = -1;
  take.marks.forEach(([seconds], mark) => {
    if (nearest < 0 || Math.abs(seconds - time) < Math.abs(take.marks[nearest][0] - time)) nearest = mark;
  });
  return nearest;
}
