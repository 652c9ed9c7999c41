// Takes from the page's text into arrays of numbers; kfzoo/animation/page/packing.py describes the layout.

const GRID = 2048;
const UNITS = 8192;
const CHANNELS = 61;

async function decompress(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const planes = new Uint8Array(await new Response(stream).arrayBuffer());
  const count = planes.length / 2;
  const numbers = new Int16Array(count);
  for (let at = 0; at < count; at += 1) {
    const folded = planes[at] | (planes[count + at] << 8);
    numbers[at] = (folded >>> 1) ^ -(folded & 1);
  }
  return numbers;
}

// Sums differences where they are; the array's 16 bits wrap as the packing's do.
function sum(numbers, from, to) {
  for (let at = from + 1; at < to; at += 1) numbers[at] += numbers[at - 1];
  return numbers.subarray(from, to);
}

async function unpack(take, base64) {
  const numbers = await decompress(base64);
  let place = 0;
  const next = (count) => {
    place += count;
    return sum(numbers, place - count, place);
  };
  const shown = next(take.frames);
  const shapeOf = next(take.pictures);
  const curves = Array.from({ length: CHANNELS }, () => next(take.frames));
  const sizes = take.shapes.map((shape) => shape.reduce((total, points) => total + points, 0));
  const last = take.shapes.map(() => -1);
  const pictures = Array.from(shapeOf, (number) => {
    const colours = 3 * take.shapes[number].length;
    const start = place;
    place += colours;
    next(sizes[number]);
    next(sizes[number]);
    const before = last[number];
    if (before >= 0) {
      for (let at = 0; at < place - start; at += 1) numbers[start + at] += numbers[before + at];
    }
    last[number] = start;
    return { shape: take.shapes[number], colours: start, x: start + colours, y: start + colours + sizes[number] };
  });
  return { ...take, numbers, shown, pictures, curves, end: (take.frames - 1) / take.rate };
}

// The coefficient of a channel at a place between frames.
function coefficient(take, channel, place) {
  const curve = take.curves[channel];
  const first = Math.floor(place);
  const second = Math.min(first + 1, take.frames - 1);
  return (curve[first] + (curve[second] - curve[first]) * (place - first)) / UNITS;
}
