// The doors of a failure mode: where a client meets it, and how to say that to curl, Python and Node.
import { portOfDoor } from "../lab.js";
import { given, labelOf, queryOf } from "./arguments.js";

// The doors that lead to a mode: [name, title, explanation].
export function doorsOf(mode) {
  const shared = mode.needs_port ? [] : [
    ["path", "path", "A base URL that any SDK takes."],
    ["host", "Host", "For a client whose paths can't be changed."],
    ["field", "field", "One line of curl."],
  ];
  const own = mode.port ? [["port", "own port", isTls(mode) ? "The mode alone on its port; the lab's own authority vouches for it." : "The mode alone on its port."]] : [];
  const byName = isTls(mode) ? [["sni", "SNI", "Any mode of TLS on one port, chosen by the name of the server."]] : [];
  const needsPlace = mode.driver === "refuse" || mode.driver === "blackhole";
  const proxy = needsPlace || isTls(mode) ? [] : [["proxy", "proxy", "For a client that knows proxies: no names to resolve."]];
  const armed = needsPlace || isTls(mode) ? [] : [["armed", "armed", "For a client whose URL is fixed: the next request meets the mode."]];
  return [...own, ...byName, ...shared, ...proxy, ...armed];
}

export const isTls = ({ driver }) => driver === "tls" || driver === "https";

function ports() {
  return { path: portOfDoor("path"), armed: portOfDoor("armed") };
}

export function addressOf(door, mode, values) {
  const host = location.hostname;
  const { path, armed } = ports();
  const query = queryOf(mode, values);
  switch (door) {
    case "port": return `${isTls(mode) ? "https" : "http"}://${host}:${mode.port}/${query}`;
    case "sni": return `https://${labelOf(mode, values)}.hamms.localhost:${portOfDoor("sni")}/`;
    case "path": return `http://${host}:${path}/mode/${labelOf(mode, values)}/`;
    case "host": return `http://${labelOf(mode, values)}.hamms.localhost:${path}/`;
    case "field": return `http://${host}:${path}/`;
    case "proxy": return `http://${labelOf(mode, values)}.hamms/`;
    default: return `http://${host}:${mode.needs_port ? armed : path}/anything`; // the list of modes is at /
  }
}

const proxyOf = () => `http://${location.hostname}:${ports().path}`;

export function snippet(door, language, mode, values) {
  const url = addressOf(door, mode, values);
  return WRITERS[language](door, url, mode, values);
}

const order = (mode, values) => ({ mode: mode.name, times: 1, ttl: 30, arguments: given(mode, values) });
const armUrl = () => `${proxyOf()}/_hamms/arm`;
const field = (mode, values) => mode.name + queryOf(mode, values);

const WRITERS = {
  curl(door, url, mode, values) {
    const quoted = `'${url.replaceAll("'", "'\\''")}'`;
    if (isTls(mode)) return `curl -sS -o ca.pem ${armUrl().replace("arm", "ca.pem")}\ncurl -sS --max-time 10 --cacert ca.pem \\\n  ${quoted}`;
    if (door === "proxy") return `curl -sS --max-time 10 ${mode.needs_port ? "--proxytunnel " : ""}\\\n  -x ${proxyOf()} \\\n  ${quoted}`;
    if (door === "field") return `curl -sS --max-time 10 \\\n  -H 'X-Hamms-Mode: ${field(mode, values)}' \\\n  ${quoted}`;
    if (door === "armed") {
      return `curl -sSf -d '${JSON.stringify(order(mode, values))}' \\\n  ${armUrl()}\ncurl -sS --max-time 10 ${quoted}`;
    }
    return `curl -sS --max-time 10 \\\n  ${quoted}`;
  },
  python(door, url, mode, values) {
    const lines = ["import httpx", ""];
    const address = JSON.stringify(url);
    if (isTls(mode)) {
      lines.splice(0, 2, "import ssl", "import httpx", "", `root = httpx.get("${armUrl().replace("arm", "ca.pem")}").text`, "trust = ssl.create_default_context(cadata=root)");
      lines.push(`print(httpx.get(${address}, verify=trust, timeout=10).text)`);
    } else if (door === "proxy") {
      lines.push(`client = httpx.Client(proxy="${proxyOf()}", timeout=10)`, `print(client.get(${address}).text)`);
    } else if (door === "field") {
      lines.push(`fields = {"X-Hamms-Mode": ${JSON.stringify(field(mode, values))}}`, `print(httpx.get(${address}, headers=fields, timeout=10).text)`);
    } else if (door === "armed") {
      lines.push(`order = ${JSON.stringify(order(mode, values))}`, `httpx.post("${armUrl()}", json=order).raise_for_status()`, `print(httpx.get(${address}, timeout=10).text)`);
    } else {
      lines.push(`answer = httpx.get(${address}, timeout=10)`, "print(answer.status_code, len(answer.content))");
    }
    return lines.join("\n");
  },
  node(door, url, mode, values) {
    const signal = "signal: AbortSignal.timeout(10_000)";
    const address = JSON.stringify(url);
    const read = "console.log(answer.status, (await answer.text()).length);";
    if (isTls(mode)) return `// NODE_EXTRA_CA_CERTS=ca.pem node client.mjs; the root is at ${armUrl().replace("arm", "ca.pem")}\nconst answer = await fetch(${address}, { ${signal} });\n${read}`;
    if (door === "proxy") {
      return `import { fetch, ProxyAgent } from "undici";\nconst dispatcher = new ProxyAgent("${proxyOf()}");\nconst answer = await fetch(${address}, { dispatcher, ${signal} });\n${read}`;
    }
    if (door === "field") {
      return `const headers = { "X-Hamms-Mode": ${JSON.stringify(field(mode, values))} };\nconst answer = await fetch(${address}, { headers, ${signal} });\n${read}`;
    }
    if (door === "armed") {
      return `const body = JSON.stringify(${JSON.stringify(order(mode, values))});\nawait fetch("${armUrl()}", { method: "POST", body });\nconst answer = await fetch(${address}, { ${signal} });\n${read}`;
    }
    return `const answer = await fetch(${address}, { ${signal} });\n${read}`;
  },
};
