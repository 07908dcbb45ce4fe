// Counts a bundle's resources again from the object that `inspect --json` prints, and shares no code with the compiler.
// By itself: metaloihi inspect BUNDLE --json | node test/cli/recount.mjs
// Limits and rules are written out here from the public record: Davies 2018; nengo-loihi; nxtf.

const LIMIT = {
  compartments: 1024, synapseWords: 16384, inputAxons: 4096, outputAxons: 4096, formats: 15, profiles: 32, vthProfiles: 8,
  wordsPerList: 256, cores: 128,
};
/** Slots of an output axon; one more to another chip. */
const SLOTS = { discrete: 1, pop16: 1, pop32: 2 };
const sum = (values) => values.reduce((a, b) => a + b, 0);

/** Words of a list: whole words of 64 bits, and one more where its last word is full or has 59 bits or more. */
function wordsOf(bits) {
  const rest = bits % 64;
  return Math.ceil(bits / 64) + (rest === 0 || rest >= 59 ? 1 : 0);
}

/** All disagreements between what the object says and what its own tables add up to, each a sentence. */
export function recount(inspected) {
  const faults = [];
  const same = (where, what, said, counted) => {
    if (said !== counted) faults.push(`${where}: ${what} ${said}, counted ${counted}`);
  };
  const within = (where, what, found, limit) => {
    if (!(found <= limit)) faults.push(`${where}: ${what} ${found}, at most ${limit}`);
  };
  const ids = new Set(inspected.cores.map((core) => core.id));
  same("image", "distinct cores", inspected.cores.length, ids.size);
  for (let chip = 0; chip < inspected.chips; chip++)
    within(`chip ${chip}`, "cores", inspected.cores.filter((core) => core.chip === chip).length, LIMIT.cores);

  for (const core of inspected.cores) {
    const at = `core ${core.chip}:${core.core}`;
    same(at, "id", core.id, core.chip * 128 + core.core);
    same(at, "compartments", core.compartments, sum(Object.values(core.neurons)) + core.padding);
    same(at, "layers", [...core.layers].sort().join(), Object.keys(core.neurons).sort().join());
    const { discrete, pop16, pop32, learning } = core.axonsIn;
    same(at, "input axons", core.inputAxons, discrete + pop16 + pop32 + learning);
    within(at, "learning axons", learning, discrete);
    const slots = (to, sources) => sources * (SLOTS[to.kind] + (to.chip === core.chip ? 0 : 1));
    same(at, "slots a population", core.outputAxons.perPopulation, sum(core.axonsOut.map((to) => slots(to, to.populations))));
    same(at, "slots a compartment", core.outputAxons.perCompartment, sum(core.axonsOut.map((to) => slots(to, to.compartments))));
    for (const to of core.axonsOut) if (!ids.has(to.chip * 128 + to.core)) faults.push(`${at}: axons to ${to.chip}:${to.core}, which is not there`);
    recountMemory(core, at, same, within);
    same(at, "formats", core.formats, core.formatUse.length);
    same(at, "profiles", core.profiles, core.profileList.length);
    for (const what of ["compartments", "synapseWords", "inputAxons", "formats", "profiles", "vthProfiles"]) within(at, what, core[what], LIMIT[what]);
    within(at, "outputAxons", core.outputAxons.perPopulation, LIMIT.outputAxons);
  }

  for (const layer of inspected.layers)
    same(`layer ${layer.name}`, "neurons", sum(inspected.cores.map((core) => core.neurons[layer.name] ?? 0)), layer.shape[0] * layer.shape[1] * layer.shape[2]);
  const sent = (core) => sum(core.axonsOut.map((to) => to.compartments));
  same("image", "messages", inspected.traffic.messages, sum(inspected.cores.map(sent)));
  for (const core of inspected.cores) {
    const received = sum(inspected.cores.filter((from) => from !== core)
      .flatMap((from) => from.axonsOut.filter((to) => to.chip === core.chip && to.core === core.core).map((to) => to.compartments)));
    same(`core ${core.chip}:${core.core}`, "messages", core.messages, sent(core) + received);
  }
  return faults;
}

function recountMemory(core, at, same, within) {
  let next = 0;
  for (const { word, lists, words, longestBits } of core.blocks) {
    same(at, "first word of a block of lists", word, next);
    same(at, `words of a list of ${longestBits} bits`, words, wordsOf(longestBits));
    within(at, "words of a list", words, LIMIT.wordsPerList);
    next = word + lists * words;
  }
  same(at, "synapse words", core.synapseWords, next);
  for (const use of core.formatUse) {
    const address = { sparse: use.indexBits, runlength: use.skipBits, dense: 0 }[use.compression];
    const prefix = use.compression === "sparse" ? 0 : use.indexBits;
    same(at, `bits of format ${use.format}`, use.bits,
      use.entries * (4 + 6 + prefix) + use.synapses * (use.weightBits + use.delayBits + use.tagBits + address));
    within(at, `synapses of format ${use.format}`, use.synapses, 60 * use.entries);
  }
  within(at, "bits of all lists", sum(core.formatUse.map((use) => use.bits)), 64 * core.synapseWords);
}

if (process.argv[1] && import.meta.url === new URL(`file://${process.argv[1]}`).href) {
  let text = "";
  for await (const chunk of process.stdin) text += chunk;
  const inspected = JSON.parse(text);
  const faults = recount(inspected);
  console.log(faults.length === 0 ? `${inspected.cores.length} cores: every count is right` : faults.join("\n"));
  process.exitCode = faults.length === 0 ? 0 : 1;
}
