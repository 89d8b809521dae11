const SVG = "http://www.w3.org/2000/svg";
/** Width of the drawing in its own units; it is stretched to the row's. */
const WIDTH = 1000;
/** The narrowest thing that can be seen, in these units. */
const LEAST = 2;

/** A map of a file: what of it is there, and a lane for each connection. */
export class BlockMap {
  #map;
  #lanes;

  /** @param {HTMLElement} element Holds `.map` (an SVG) and `.lanes` (a list). */
  constructor(element) {
    this.#map = element.querySelector(".map");
    this.#lanes = element.querySelector(".lanes");
  }

  /** @param words What it shows, for those who don't see it. */
  update({ bytes, finished = [], lanes = [] }, { words, rate }) {
    this.#map.setAttribute("aria-label", words);
    const scale = bytes === null || bytes === 0 ? 0 : WIDTH / bytes;
    const blocks = [
      ...finished.map(([from, to]) => ["there", from, to]),
      ...lanes.map(({ from, at }) => ["coming", from, at]),
    ];
    draw(this.#map, blocks, scale);
    this.#showLanes(lanes, scale, rate);
  }

  #showLanes(lanes, scale, rate) {
    const shown = lanes.toSorted((a, b) => a.lane - b.lane);
    while (this.#lanes.childElementCount > shown.length) this.#lanes.lastElementChild.remove();
    while (this.#lanes.childElementCount < shown.length) this.#lanes.append(newLane());
    for (const [i, { lane, from, at, to, bytesPerSecond }] of shown.entries()) {
      const [number, track, speed] = this.#lanes.children[i].children;
      number.textContent = String(lane + 1);
      speed.textContent = rate(bytesPerSecond);
      // Of a file whose end nobody knows there is nothing to be drawn to scale.
      draw(track, [["asked", from, to ?? at], ["coming", from, at]], scale);
    }
  }
}

function newLane() {
  const lane = document.createElement("li");
  lane.className = "lane";
  const number = document.createElement("span");
  const track = document.createElementNS(SVG, "svg");
  track.setAttribute("viewBox", `0 0 ${WIDTH} 1`);
  track.setAttribute("preserveAspectRatio", "none");
  track.setAttribute("aria-hidden", "true");
  const speed = document.createElement("span");
  speed.className = "right";
  lane.append(number, track, speed);
  return lane;
}

function draw(svg, blocks, scale) {
  while (svg.childElementCount > blocks.length) svg.lastElementChild.remove();
  while (svg.childElementCount < blocks.length) svg.append(document.createElementNS(SVG, "rect"));
  for (const [i, [kind, from, to]] of blocks.entries()) {
    const rect = svg.children[i];
    rect.setAttribute("class", kind);
    rect.setAttribute("x", (from * scale).toFixed(2));
    rect.setAttribute("width", (to > from ? Math.max(LEAST, (to - from) * scale) : 0).toFixed(2));
    rect.setAttribute("height", "1");
  }
}
