// The pace of the page: words and numbers change five times a second at most, and pictures once in a frame.

const EVERY = 200; // milliseconds; nobody reads faster

// Wraps a function: the first call acts at once, and calls that follow closely become one.
export function paced(act, every = EVERY) {
  let timer = 0;
  let last = -Infinity;
  const run = () => {
    timer = 0;
    last = performance.now();
    act();
  };
  return () => {
    if (timer) return;
    const wait = last + every - performance.now();
    if (wait > 0) timer = setTimeout(run, wait);
    else run();
  };
}

const painters = new Set();
let frame = 0;

// Calls a function in each frame; returns a function that ends this.
export function everyFrame(draw) {
  painters.add(draw);
  frame ||= requestAnimationFrame(next);
  return () => painters.delete(draw);
}

function next() {
  frame = painters.size ? requestAnimationFrame(next) : 0;
  for (const draw of painters) draw();
}
