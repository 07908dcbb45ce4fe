import { describe, expect, it } from "vitest";
import { decodeRecording } from "../../src/events/decode.js";
import { plain } from "./support.js";

/** Pickles that NumPy 2.4 wrote, `np.array({"t": …, "x": …, "y": …, "p": …}, dtype=object)`, by protocol: 4 events. */
const PICKLES: Readonly<Record<string, string>> = {
  "protocol 0":
    "Y251bXB5Ll9jb3JlLm11bHRpYXJyYXkKX3JlY29uc3RydWN0CnAwCihjbnVtcHkKbmRhcnJheQpwMQooSTAKdHAyCmNfY29kZWNz" +
    "CmVuY29kZQpwMwooVmIKcDQKVmxhdGluMQpwNQp0cDYKUnA3CnRwOApScDkKKEkxCih0Y251bXB5CmR0eXBlCnAxMAooVk84CnAx" +
    "MQpJMDAKSTAxCnRwMTIKUnAxMwooSTMKVnwKcDE0Ck5OTkktMQpJLTEKSTYzCnRwMTUKYkkwMAoobHAxNgooZHAxNwpWdApwMTgK" +
    "ZzAKKGcxCihJMAp0cDE5Cmc3CnRwMjAKUnAyMQooSTEKKEk0CnRwMjIKZzEwCihWaTgKcDIzCkkwMApJMDEKdHAyNApScDI1CihJ" +
    "MwpWPApwMjYKTk5OSS0xCkktMQpJMAp0cDI3CmJJMDAKZzMKKFYFXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAw" +
    "XHUwMDAwcBEBXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwcBEBXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwQEtM" +
    "XHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwCnAyOApnNQp0cDI5ClJwMzAKdHAzMQpic1Z4CnAzMgpnMAooZzEKKEkwCnRw" +
    "MzMKZzcKdHAzNApScDM1CihJMQooSTQKdHAzNgpnMjUKSTAwCmczCihWAVx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1" +
    "MDAwMFx1MDAwMAJcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBZAVx1MDAwMFx1MDAwMFx1MDAwMFx1" +
    "MDAwMFx1MDAwMFx1MDAwMARcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDAKcDM3Cmc1CnRwMzgKUnAz" +
    "OQp0cDQwCmJzVnkKcDQxCmcwCihnMQooSTAKdHA0MgpnNwp0cDQzClJwNDQKKEkxCihJNAp0cDQ1CmcxMAooVnUyCnA0NgpJMDAK" +
    "STAxCnRwNDcKUnA0OAooSTMKZzI2Ck5OTkktMQpJLTEKSTAKdHA0OQpiSTAwCmczCihWCVx1MDAwMFx1MDAwMFx1MDAwMAMBB1x1" +
    "MDAwMApwNTAKZzUKdHA1MQpScDUyCnRwNTMKYnNWcApwNTQKZzAKKGcxCihJMAp0cDU1Cmc3CnRwNTYKUnA1NwooSTEKKEk0CnRw" +
    "NTgKZzEwCihWYjEKcDU5CkkwMApJMDEKdHA2MApScDYxCihJMwpnMTQKTk5OSS0xCkktMQpJMAp0cDYyCmJJMDAKZzMKKFYBXHUw" +
    "MDAwAQEKcDYzCmc1CnRwNjQKUnA2NQp0cDY2CmJzYXRwNjcKYi4=",
  "protocol 2":
    "gAJjbnVtcHkuX2NvcmUubXVsdGlhcnJheQpfcmVjb25zdHJ1Y3QKcQBjbnVtcHkKbmRhcnJheQpxAUsAhXECY19jb2RlY3MKZW5j" +
    "b2RlCnEDWAEAAABicQRYBgAAAGxhdGluMXEFhnEGUnEHh3EIUnEJKEsBKWNudW1weQpkdHlwZQpxClgCAAAATzhxC4mIh3EMUnEN" +
    "KEsDWAEAAAB8cQ5OTk5K/////0r/////Sz90cQ9iiV1xEH1xEShYAQAAAHRxEmgAaAFLAIVxE2gHh3EUUnEVKEsBSwSFcRZoClgC" +
    "AAAAaThxF4mIh3EYUnEZKEsDWAEAAAA8cRpOTk5K/////0r/////SwB0cRtiiWgDWCAAAAAFAAAAAAAAAHARAQAAAAAAcBEBAAAA" +
    "AABAS0wAAAAAAHEcaAWGcR1ScR50cR9iWAEAAAB4cSBoAGgBSwCFcSFoB4dxIlJxIyhLAUsEhXEkaBmJaANYIAAAAAEAAAAAAAAA" +
    "AgAAAAAAAABZAQAAAAAAAAQAAAAAAAAAcSVoBYZxJlJxJ3RxKGJYAQAAAHlxKWgAaAFLAIVxKmgHh3ErUnEsKEsBSwSFcS1oClgC" +
    "AAAAdTJxLomIh3EvUnEwKEsDaBpOTk5K/////0r/////SwB0cTFiiWgDWAgAAAAJAAAAAwEHAHEyaAWGcTNScTR0cTViWAEAAABw" +
    "cTZoAGgBSwCFcTdoB4dxOFJxOShLAUsEhXE6aApYAgAAAGIxcTuJiIdxPFJxPShLA2gOTk5OSv////9K/////0sAdHE+YoloA1gE" +
    "AAAAAQABAXE/aAWGcUBScUF0cUJidWF0cUNiLg==",
  "protocol 3":
    "gANjbnVtcHkuX2NvcmUubXVsdGlhcnJheQpfcmVjb25zdHJ1Y3QKcQBjbnVtcHkKbmRhcnJheQpxAUsAhXECQwFicQOHcQRScQUo" +
    "SwEpY251bXB5CmR0eXBlCnEGWAIAAABPOHEHiYiHcQhScQkoSwNYAQAAAHxxCk5OTkr/////Sv////9LP3RxC2KJXXEMfXENKFgB" +
    "AAAAdHEOaABoAUsAhXEPaAOHcRBScREoSwFLBIVxEmgGWAIAAABpOHETiYiHcRRScRUoSwNYAQAAADxxFk5OTkr/////Sv////9L" +
    "AHRxF2KJQyAFAAAAAAAAAHARAQAAAAAAcBEBAAAAAABAS0wAAAAAAHEYdHEZYlgBAAAAeHEaaABoAUsAhXEbaAOHcRxScR0oSwFL" +
    "BIVxHmgViUMgAQAAAAAAAAACAAAAAAAAAFkBAAAAAAAABAAAAAAAAABxH3RxIGJYAQAAAHlxIWgAaAFLAIVxImgDh3EjUnEkKEsB" +
    "SwSFcSVoBlgCAAAAdTJxJomIh3EnUnEoKEsDaBZOTk5K/////0r/////SwB0cSliiUMICQAAAAMBBwBxKnRxK2JYAQAAAHBxLGgA" +
    "aAFLAIVxLWgDh3EuUnEvKEsBSwSFcTBoBlgCAAAAYjFxMYmIh3EyUnEzKEsDaApOTk5K/////0r/////SwB0cTRiiUMEAQABAXE1" +
    "dHE2YnVhdHE3Yi4=",
  "protocol 4":
    "gASVxgEAAAAAAACMFm51bXB5Ll9jb3JlLm11bHRpYXJyYXmUjAxfcmVjb25zdHJ1Y3SUk5SMBW51bXB5lIwHbmRhcnJheZSTlEsA" +
    "hZRDAWKUh5RSlChLASloA4wFZHR5cGWUk5SMAk84lImIh5RSlChLA4wBfJROTk5K/////0r/////Sz90lGKJXZR9lCiMAXSUaAJo" +
    "BUsAhZRoB4eUUpQoSwFLBIWUaAuMAmk4lImIh5RSlChLA4wBPJROTk5K/////0r/////SwB0lGKJQyAFAAAAAAAAAHARAQAAAAAA" +
    "cBEBAAAAAABAS0wAAAAAAJR0lGKMAXiUaAJoBUsAhZRoB4eUUpQoSwFLBIWUaBqJQyABAAAAAAAAAAIAAAAAAAAAWQEAAAAAAAAE" +
    "AAAAAAAAAJR0lGKMAXmUaAJoBUsAhZRoB4eUUpQoSwFLBIWUaAuMAnUylImIh5RSlChLA2gbTk5OSv////9K/////0sAdJRiiUMI" +
    "CQAAAAMBBwCUdJRijAFwlGgCaAVLAIWUaAeHlFKUKEsBSwSFlGgLjAJiMZSJiIeUUpQoSwNoD05OTkr/////Sv////9LAHSUYolD" +
    "BAEAAQGUdJRidWF0lGIu",
  "protocol 5":
    "gAWV2AEAAAAAAACMFm51bXB5Ll9jb3JlLm11bHRpYXJyYXmUjAxfcmVjb25zdHJ1Y3SUk5SMBW51bXB5lIwHbmRhcnJheZSTlEsA" +
    "hZRDAWKUh5RSlChLASloA4wFZHR5cGWUk5SMAk84lImIh5RSlChLA4wBfJROTk5K/////0r/////Sz90lGKJXZR9lCiMAXSUjBNu" +
    "dW1weS5fY29yZS5udW1lcmljlIwLX2Zyb21idWZmZXKUk5QoliAAAAAAAAAABQAAAAAAAABwEQEAAAAAAHARAQAAAAAAQEtMAAAA" +
    "AACUaAuMAmk4lImIh5RSlChLA4wBPJROTk5K/////0r/////SwB0lGJLBIWUjAFDlHSUUpSMAXiUaBYoliAAAAAAAAAAAQAAAAAA" +
    "AAACAAAAAAAAAFkBAAAAAAAABAAAAAAAAACUaBpLBIWUaB50lFKUjAF5lGgWKJYIAAAAAAAAAAkAAAADAQcAlGgLjAJ1MpSJiIeU" +
    "UpQoSwNoG05OTkr/////Sv////9LAHSUYksEhZRoHnSUUpSMAXCUaBYolgQAAAAAAAAAAQABAZRoC4wCYjGUiYiHlFKUKEsDaA9O" +
    "Tk5K/////0r/////SwB0lGJLBIWUaB50lFKUdWF0lGIu",
  "lists of NumPy scalars":
    "gASVBQIAAAAAAACMFm51bXB5Ll9jb3JlLm11bHRpYXJyYXmUjAxfcmVjb25zdHJ1Y3SUk5SMBW51bXB5lIwHbmRhcnJheZSTlEsA" +
    "hZRDAWKUh5RSlChLASloA4wFZHR5cGWUk5SMAk84lImIh5RSlChLA4wBfJROTk5K/////0r/////Sz90lGKJXZR9lCiMAXSUXZQo" +
    "aACMBnNjYWxhcpSTlGgLjAJpOJSJiIeUUpQoSwOMATyUTk5OSv////9K/////0sAdJRiQwgFAAAAAAAAAJSGlFKUaBZoGUMIcBEB" +
    "AAAAAACUhpRSlGgWaBlDCHARAQAAAAAAlIaUUpRoFmgZQwhAS0wAAAAAAJSGlFKUZYwBeJRdlChoFmgZQwgBAAAAAAAAAJSGlFKU" +
    "aBZoGUMIAgAAAAAAAACUhpRSlGgWaBlDCFkBAAAAAAAAlIaUUpRoFmgZQwgEAAAAAAAAAJSGlFKUZYwBeZRdlChoFmgLjAJ1MpSJ" +
    "iIeUUpQoSwNoGk5OTkr/////Sv////9LAHSUYkMCCQCUhpRSlGgWaDpDAgAAlIaUUpRoFmg6QwIDAZSGlFKUaBZoOkMCBwCUhpRS" +
    "lGWMAXCUXZQoaBZoC4wCYjGUiYiHlFKUKEsDaA9OTk5K/////0r/////SwB0lGJDAQGUhpRSlGgWaExDAQCUhpRSlGhQaFBldWF0" +
    "lGIu",
};
/** An object whose unpickling would call os.system("exit"). */
const CALLS_SYSTEM =
    "gASVqwAAAAAAAACMFm51bXB5Ll9jb3JlLm11bHRpYXJyYXmUjAxfcmVjb25zdHJ1Y3SUk5SMBW51bXB5lIwHbmRhcnJheZSTlEsA" +
    "hZRDAWKUh5RSlChLASloA4wFZHR5cGWUk5SMAk84lImIh5RSlChLA4wBfJROTk5K/////0r/////Sz90lGKJXZR9lIwBdJSMBXBv" +
    "c2l4lIwGc3lzdGVtlJOUjARleGl0lIWUUpRzYXSUYi4=";
/** A list of two dictionaries. */
const TWO =
    "gASVzAEAAAAAAACMFm51bXB5Ll9jb3JlLm11bHRpYXJyYXmUjAxfcmVjb25zdHJ1Y3SUk5SMBW51bXB5lIwHbmRhcnJheZSTlEsA" +
    "hZRDAWKUh5RSlChLAUsChZRoA4wFZHR5cGWUk5SMAk84lImIh5RSlChLA4wBfJROTk5K/////0r/////Sz90lGKJXZQofZQojAF0" +
    "lGgCaAVLAIWUaAeHlFKUKEsBSwSFlGgMjAJpOJSJiIeUUpQoSwOMATyUTk5OSv////9K/////0sAdJRiiUMgBQAAAAAAAABwEQEA" +
    "AAAAAHARAQAAAAAAQEtMAAAAAACUdJRijAF4lGgCaAVLAIWUaAeHlFKUKEsBSwSFlGgbiUMgAQAAAAAAAAACAAAAAAAAAFkBAAAA" +
    "AAAABAAAAAAAAACUdJRijAF5lGgCaAVLAIWUaAeHlFKUKEsBSwSFlGgMjAJ1MpSJiIeUUpQoSwNoHE5OTkr/////Sv////9LAHSU" +
    "YolDCAkAAAADAQcAlHSUYowBcJRoAmgFSwCFlGgHh5RSlChLAUsEhZRoDIwCYjGUiYiHlFKUKEsDaBBOTk5K/////0r/////SwB0" +
    "lGKJQwQBAAEBlHSUYnVoE2V0lGIu";

const bytesOf = (base64: string): Uint8Array => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

/** The pickle behind the header of a `.npy` of Python objects. */
function npy(pickle: Uint8Array): Uint8Array {
  const header = `${"{'descr': '|O', 'fortran_order': False, 'shape': (), }".padEnd(117, " ")}\n`;
  return Uint8Array.from([0x93, ...new TextEncoder().encode("NUMPY"), 1, 0, header.length, 0, ...new TextEncoder().encode(header), ...pickle]);
}
const read = (pickle: Uint8Array) => decodeRecording(npy(pickle), { name: "0001_01.npy" });

describe("pickled .npy, as N-Omniglot's preparation saves recordings", () => {
  it.each(Object.keys(PICKLES))("%s gives the events", (name) => {
    const { stream, format } = read(bytesOf(PICKLES[name]));
    expect(format).toBe("npy");
    expect(plain(stream)).toEqual({ t: [5, 70_000, 70_000, 5_000_000], x: [1, 2, 345, 4], y: [9, 0, 259, 7], p: [1, 0, 1, 1] });
  });

  it("runs nothing: a call of another function is refused by its name [E-EVT-009]", () => {
    expect(() => read(bytesOf(CALLS_SYSTEM))).toThrow(/a call of posix\.system, which is not run[\s\S]*E-EVT-009/);
  });

  it("refuses several dictionaries, other objects, and a pickle that is cut [E-EVT-005, E-EVT-002]", () => {
    expect(() => read(bytesOf(TWO))).toThrow(/2 dictionaries[\s\S]*E-EVT-005/);
    expect(() => read(Uint8Array.of(0x4e, 0x2e))).toThrow(/0 dictionaries[\s\S]*E-EVT-005/);
    expect(() => read(bytesOf(PICKLES["protocol 4"]).subarray(0, 300))).toThrow(/E-EVT-002/);
  });

  it("survives lists that hold themselves, deep ones, and lengths that lie", () => {
    const ascii = (text: string) => Array.from(text, (c) => c.charCodeAt(0));
    // t: a list that is appended to itself; x, y, p: lists of lists of lists.
    const deep = [...ascii("]".repeat(50_000)), ...ascii("a".repeat(49_999))];
    const itself = [...ascii("]q\0h\0a")];
    const pickle = [0x7d, ...ascii("(U\u0001t"), ...itself, ...ascii("U\u0001x"), ...deep, ...ascii("U\u0001y]U\u0001p]u.")];
    expect(() => read(Uint8Array.from(pickle))).toThrow(/E-EVT-00[67]/);
    for (const lie of [[0x42, 255, 255, 255, 255], [0x8e, 255, 255, 255, 255, 255, 255, 255, 127], [0x8b, 255, 255, 255, 127], [0x2e], ascii("h\u0003.")]) {
      expect(() => read(Uint8Array.from(lie))).toThrow(/E-EVT-00[259]/);
    }
  });
});
