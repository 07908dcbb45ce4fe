import {
  assign, binary, channel, comment, constant, declare, element, type EmbeddedProgram, forOutputs, readU, resetState,
  send, spikeCount, type StateName, type Statement, store, time, variable, when, writePostTrace,
} from "./program-tree.js";

/** Forms that the image knows (hw/image.ts). */
export type ProgramForm = "chip" | "authors-chip" | "readout";

const COMMON_VARIABLES: readonly StateName[] = [
  { name: "r", meaning: "step of the presentation, 1...S; 0 between presentations" },
  { name: "learn", meaning: "the host said: learn from this presentation" },
  { name: "label", meaning: "output that stands for the sample's class, -1 if unknown" },
];
const ASSIGNED: StateName = { name: "assigned", meaning: "1: a class is assigned to the output" };
const COUNT: StateName = { name: "c", meaning: "spikes since the last window ended" };
const FIRED: StateName = { name: "n", meaning: "spikes of the steps 1...r-1 of the presentation" };
const LAST_U: StateName = { name: "last_u", meaning: "u of step S, for ties" };
const THRESHOLD: StateName = { name: "threshold", meaning: "adaptive error threshold" };

/** r := r + 1, and at r = 1 the host's message: learn, label, then one word an output. */
const countStepAndReadMessage: readonly Statement[] = [
  assign("r", binary("r", "+", 1)),
  when(binary("r", "==", 1), [
    comment("The host's message."),
    assign("learn", channel),
    assign("label", channel),
    forOutputs("i", [store("assigned", "i", channel)]),
  ]),
];

/** The spike counters come a step late: at r they hold the spikes of r-1. They are read in every step, as the counters
 *  of the x86 side hold four steps only (loihi-facts §4.3). */
const readSpikeCounters = (withWindow: boolean): readonly Statement[] => [
  comment("The counters come a step late: these are the spikes of step r - 1."),
  forOutputs("i", [
    declare("fired", spikeCount("i")),
    ...(withWindow ? [store("c", "i", binary(element("c", "i"), "+", "fired"))] : []),
    store("n", "i", binary(element("n", "i"), "+", "fired")),
  ]),
];

/** In every learning epoch each output i gets a post trace y1, neutral unless `atWindowEnd` changes it.
 *  Source: design §6, step 5. */
const writePostTraces = (atWindowEnd: readonly Statement[]): Statement =>
  when(binary(binary(time, "%", constant("epochSteps")), "==", 0), [
    comment("A learning epoch: every output gets a post trace, neutral unless a window ends here."),
    declare("window_ends", binary(binary("r", "%", constant("windowSteps")), "==", 0)),
    forOutputs("i", [
      declare("y1", constant("neutral")),
      when(variable("window_ends"), [...atWindowEnd, store("c", "i", 0)]),
      writePostTrace("i", "y1"),
    ]),
  ]);

/** Limits a variable from below to -errorMax. */
const notBelow = (name: string): Statement =>
  when(binary(name, "<", binary(0, "-", constant("errorMax"))), [assign(name, binary(0, "-", constant("errorMax")))]);

/** e = clip(gamma * sign(d) * floor(|d| / theta)) of an assigned output, when learning. */
const errorOfEveryOutput: readonly Statement[] = [
  when(binary(variable("learn"), "&&", element("assigned", "i")), [
    declare("target", constant("lo")),
    when(binary("i", "==", "label"), [assign("target", constant("hi"))]),
    comment("Division truncates toward zero: sign(d) * floor(|d| / theta)."),
    declare(
      "e", binary(constant("gamma"), "*", binary(binary("target", "-", element("c", "i")), "/", constant("theta"))),
    ),
    when(binary("e", ">", constant("errorMax")), [assign("e", constant("errorMax"))]),
    notBelow("e"),
    assign("y1", binary("y1", "+", "e")),
  ]),
];

/** The authors' error: of the target alone, against a threshold that adapts. */
const errorOfTarget: readonly Statement[] = [
  when(binary(binary(variable("learn"), "&&", element("assigned", "i")), "&&", binary("i", "==", "label")), [
    declare("err", binary(constant("hi"), "-", element("c", "i"))),
    comment("A post trace has seven bits: err cannot go below -neutral."),
    notBelow("err"),
    declare("magnitude", "err"),
    when(binary("err", "<", 0), [assign("magnitude", binary(0, "-", "err"))]),
    comment("The threshold is never negative, so an error of 0 never exceeds it."),
    when(binary("magnitude", ">", element("threshold", "i")), [
      assign("y1", binary("y1", "+", "err")),
      store("threshold", "i", binary(element("threshold", "i"), "+", 1)),
    ], [
      when(binary(element("threshold", "i"), ">", 0), [
        store("threshold", "i", binary(element("threshold", "i"), "-", 1)),
      ]),
    ]),
  ]),
];

/** Decision and reset at r = S (design §6, step 7). `clear`: arrays that start the next presentation at 0. */
const decideAndReset = (clear: readonly string[]): readonly Statement[] => [
  when(binary("r", "==", constant("presentationSteps")), [
    comment("The decision: most spikes, then larger u of step S, then lower index."),
    declare("best", -1),
    forOutputs("i", [
      store("last_u", "i", readU("i")),
      when(element("assigned", "i"), [
        when(binary("best", "<", 0), [assign("best", "i")], [
          when(
            binary(
              binary(element("n", "i"), ">", element("n", "best")),
              "||",
              binary(
                binary(element("n", "i"), "==", element("n", "best")),
                "&&",
                binary(element("last_u", "i"), ">", element("last_u", "best")),
              ),
            ),
            [assign("best", "i")],
          ),
        ]),
      ]),
    ]),
    send("best"),
    comment("Nothing crosses the border of a presentation but the weights."),
    resetState,
    forOutputs("i", clear.map((array) => store(array, "i", 0))),
    assign("r", 0),
  ]),
];

/** SOEL, form `chip`: at the end of every window the error of each assigned output, divided by theta, is its post trace.
 *  Source: design §6, steps 5 and 7. */
const CHIP: EmbeddedProgram = {
  name: "soel-chip",
  about: [
    "SOEL, form \"chip\": surrogate-gradient online error-triggered learning of the last layer.",
    "In every learning epoch y1 := 64 + e; 64 means no error, and then the microcode changes nothing:",
    "dw = m*2^s * u * x1 * (y1 - 64), e = clip(gamma * sign(d) * floor(|d| / theta), +-63), d = target - spikes.",
  ],
  variables: COMMON_VARIABLES,
  arrays: [ASSIGNED, COUNT, FIRED, LAST_U],
  init: [assign("r", 0)],
  preLearning: [...countStepAndReadMessage, ...readSpikeCounters(true), writePostTraces(errorOfEveryOutput)],
  management: decideAndReset(["c", "n"]),
};

/** SOEL as the authors' public simulator of the chip has it: only the target's error counts, against a threshold that
 *  rises with every write and falls with every silence. Source: design §6, `authors-chip`. */
const AUTHORS_CHIP: EmbeddedProgram = {
  name: "soel-authors-chip",
  about: [
    "SOEL, form \"authors-chip\": as the authors' simulator of the chip has it.",
    "Only the target output learns: err = hi - spikes of the window; y1 := 20 + err if |err| exceeds an adaptive",
    "threshold, which then rises by 1, and else falls by 1; 20 means no error:",
    "dw = 2^-4*u*(y1 - 20)*x2 - 2^-4*u*(y1 - 20)*x1.",
  ],
  variables: COMMON_VARIABLES,
  arrays: [ASSIGNED, COUNT, FIRED, LAST_U, THRESHOLD],
  init: [assign("r", 0)],
  preLearning: [...countStepAndReadMessage, ...readSpikeCounters(true), writePostTraces(errorOfTarget)],
  management: decideAndReset(["c", "n", "threshold"]),
};

/** No learning: counts the outputs' spikes, decides and resets. */
const READOUT: EmbeddedProgram = {
  name: "readout",
  about: ["Readout without learning: counts the outputs' spikes, sends the decision, resets the cores."],
  variables: COMMON_VARIABLES,
  arrays: [ASSIGNED, FIRED, LAST_U],
  init: [assign("r", 0)],
  preLearning: [...countStepAndReadMessage, ...readSpikeCounters(false)],
  management: decideAndReset(["n"]),
};

/** The typed program of each form. */
export const EMBEDDED_PROGRAMS: Readonly<Record<ProgramForm, EmbeddedProgram>> = {
  chip: CHIP, "authors-chip": AUTHORS_CHIP, readout: READOUT,
};
