// One request with fetch: node fetch.mjs URL TIMEOUT_MS METHOD. Prints what came of it, as JSON.
const [url, timeout, method] = process.argv.slice(2);
const alive = setTimeout(() => {}, 2 * Number(timeout)); // AbortSignal's own timer lets the process end
let head = false;
try {
  const signal = AbortSignal.timeout(Number(timeout));
  const response = await fetch(url, { method, signal, redirect: "manual" });
  head = true;
  const body = await response.text();
  console.log(JSON.stringify({ status: response.status, body }));
} catch (error) {
  const code = error.cause?.code ?? error.code;
  console.log(JSON.stringify({ code: typeof code === "string" ? code : error.name, head, message: `${error.cause ?? error}` }));
}
clearTimeout(alive);
