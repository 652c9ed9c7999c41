// Draws one face: the polygons of a frame or, between two frames of one shape, those between.

function drawFace(canvas, take, place) {
  const context = canvas.getContext("2d");
  const first = take.pictures[take.shown[Math.floor(place)]];
  const next = take.pictures[take.shown[Math.min(Math.floor(place) + 1, take.frames - 1)]];
  const second = next.shape === first.shape ? next : first;
  const part = second === first ? 0 : place % 1;
  const { numbers } = take;
  const between = (one, other) => numbers[one] + (numbers[other] - numbers[one]) * part;

  const scale = canvas.width / GRID;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  // Points were cut to whole numbers: on average they lie half a unit further.
  context.setTransform(scale, 0, 0, scale, scale / 2, scale / 2);
  let point = 0;
  first.shape.forEach((points, polygon) => {
    const colour = [0, 1, 2].map((part) => between(first.colours + 3 * polygon + part, second.colours + 3 * polygon + part));
    context.fillStyle = `rgb(${colour.map(Math.round).join(",")})`;
    context.beginPath();
    for (const end = point + points; point < end; point += 1) {
      context.lineTo(between(first.x + point, second.x + point), between(first.y + point, second.y + point));
    }
    context.fill("evenodd");
  });
}
