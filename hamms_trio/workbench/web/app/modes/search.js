// The search: every word has to be somewhere in a mode; ports and RFC sections count as words.

// Symptoms that people have in mind, and words of the catalogue.
const SYMPTOMS = {
  truncated: "short missing cut", timeout: "hang silent slow byte late", hang: "silent never",
  slow: "byte pace trickle late", half: "short cut", reset: "rst", bomb: "expand coding", smuggling: "cl te",
  duplicate: "twice repeated", retry: "retries again", utf: "charset type", cert: "certificate tls",
};

export function textOf(mode) {
  const { client } = mode;
  const parts = [mode.name, mode.slug, ...mode.aliases, mode.family, mode.port ?? "", mode.description, client.source,
    client.meaning, client.level, ...mode.parameters.map(({ name }) => name), ...mode.issues];
  return parts.join(" ").toLowerCase();
}

export function found(modes, words, outcome) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return modes.filter((mode) => {
    if (outcome !== "any" && !groupOf(mode.client.outcome, outcome)) return false;
    const text = textOf(mode);
    return wanted.every((word) => text.includes(word) || (SYMPTOMS[word] ?? "").split(" ").some((other) => other && text.includes(other)));
  });
}

const GROUPS = {
  error: ["error", "error_or_exact"], timeout: ["timeout", "bounded"], exact: ["exact", "error_or_exact"],
  retry: ["retry"], policy: ["policy"],
};

function groupOf(outcome, group) {
  return GROUPS[group].includes(outcome);
}

// The mode whose name is most like a search that found nothing.
export function nearest(modes, words) {
  const wanted = pairs(words.toLowerCase());
  let best = null;
  let most = 0;
  for (const mode of modes) {
    const have = pairs(`${mode.slug} ${mode.description}`.toLowerCase());
    let common = 0;
    for (const pair of wanted) common += have.has(pair);
    const share = common / Math.sqrt(have.size + 1);
    if (share > most) [best, most] = [mode, share];
  }
  return best;
}

function pairs(text) {
  const found = new Set();
  for (let at = 0; at + 3 <= text.length; at += 1) found.add(text.slice(at, at + 3));
  return found;
}
