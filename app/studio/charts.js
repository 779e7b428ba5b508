// Draws small: a line of how a number went, and bars of what requests took.
import { svg } from "./dom.js";

const WIDTH = 120;
const HEIGHT = 30;

const drawing = (...children) =>
  svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" }, ...children);

export const KEPT = WIDTH;

export function line(values) {
  const most = Math.max(...values, 1e-9);
  const points = values.map((value, index) => `${index + WIDTH - values.length} ${HEIGHT - 1 - (HEIGHT - 2) * (value / most)}`);
  return drawing(svg("path", { d: `M${points.join("L")}` }));
}

// One bar for each request, the newest at the right; what failed is told by its class.
export function bars(requests, most) {
  const wide = WIDTH / most;
  const longest = Math.max(...requests.map((each) => each.seconds), 1e-9);
  return drawing(...requests.slice(0, most).map((each, index) => {
    const height = Math.max(2, HEIGHT * (each.seconds / longest));
    return svg("rect", {
      class: each.outcome, x: WIDTH - (index + 1) * wide, y: HEIGHT - height, width: wide * 0.7, height,
    });
  }));
}
