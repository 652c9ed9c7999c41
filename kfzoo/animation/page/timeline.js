// The bar with the marks of the keyframes: a slider that pointer and keys move.

class Timeline {
  constructor(takes, end, seek) {
    Object.assign(this, { end, seek });
    this.bar = document.getElementById("timeline");
    this.done = this.bar.querySelector(".done");
    this.thumb = this.bar.querySelector(".thumb");
    this.bar.setAttribute("aria-valuemax", end.toFixed(2));
    const marks = this.bar.querySelector(".marks");
    takes.forEach((take, number) => take.marks.forEach(([seconds, words]) => marks.append(this.mark(number, seconds, words))));
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

  mark(take, seconds, words) {
    const element = document.createElement("i");
    element.className = `take-${take}`;
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
    const seen = new Map();
    takes.forEach((take, number) => {
      const key = JSON.stringify(take.marks);
      if (!take.marks.length || seen.has(key)) return;
      seen.set(key, number);
      if (takes.length > 1) {
        const sharing = takes.filter((other) => JSON.stringify(other.marks) === key);
        const heading = document.createElement("h3");
        heading.textContent = sharing.map((other) => other.title).join(" · ");
        lists.append(heading);
      }
      const list = document.createElement("ol");
      list.append(...take.marks.map(([seconds, words], mark) => this.entry(take, mark, seconds, words, seek)));
      lists.append(list);
    });
    document.getElementById("keyframes").hidden = !this.entries.length;
    document.body.classList.toggle("marked", this.entries.length > 0);
  }

  entry(take, mark, seconds, words, seek) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    const time = document.createElement("time");
    const text = document.createElement("span");
    time.textContent = `${seconds.toFixed(2)} s`;
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
      const top = button.offsetTop - list.offsetTop;
      if (now && (top < list.scrollTop || top + button.offsetHeight > list.scrollTop + list.clientHeight)) list.scrollTop = top - 40;
    }
  }
}

// The number of the keyframe that is nearest in time; -1 where there is none.
function nearestMark(take, time) {
  let nearest = -1;
  take.marks.forEach(([seconds], mark) => {
    if (nearest < 0 || Math.abs(seconds - time) < Math.abs(take.marks[nearest][0] - time)) nearest = mark;
  });
  return nearest;
}
