/** Reflection of `chip-image.proto`, so that no file is read at run time (browsers). Made by
 *  `pbjs -t json hw/proto/chip-image.proto`; test/hw/image-codec.test.ts holds it against the schema. */
export const CHIP_IMAGE_SCHEMA = {
 nested: {
  metaloihi: {
   nested: {
    CompartmentProfile: {
     fields: {
      decayU: { type: "uint32", id: 1 },
      decayV: { type: "uint32", id: 2 },
      refractDelay: { type: "uint32", id: 3 }
     }
    },
    SynapseFormat: {
     fields: {
      compression: { type: "uint32", id: 1 },
      wgtBitsCode: { type: "uint32", id: 2 },
      idxBitsCode: { type: "uint32", id: 3 },
      skipBits: { type: "uint32", id: 4 },
      dlyBits: { type: "uint32", id: 5 },
      tagBits: { type: "uint32", id: 6 },
      wgtExp: { type: "sint32", id: 7 },
      fanoutType: { type: "uint32", id: 8 },
      cIdxOffset: { type: "uint32", id: 9 },
      cIdxMult: { type: "uint32", id: 10 },
      learning: { type: "bool", id: 11 },
      stdpProfile: { type: "uint32", id: 12 }
     }
    },
    InputAxons: {
     fields: {
      kind: { rule: "repeated", type: "uint32", id: 1 },
      synapsePtr: { rule: "repeated", type: "uint32", id: 2 },
      synapseLen: { rule: "repeated", type: "uint32", id: 3 },
      atoms: { rule: "repeated", type: "uint32", id: 4 },
      cxBase: { rule: "repeated", type: "uint32", id: 5 },
      preTraceConfig: { rule: "repeated", type: "sint32", id: 6 },
      logicalInput: { rule: "repeated", type: "sint32", id: 7 }
     }
    },
    OutputAxons: {
     fields: {
      compartment: { rule: "repeated", type: "uint32", id: 1 },
      kind: { rule: "repeated", type: "uint32", id: 2 },
      chip: { rule: "repeated", type: "uint32", id: 3 },
      core: { rule: "repeated", type: "uint32", id: 4 },
      axon: { rule: "repeated", type: "uint32", id: 5 },
      atom: { rule: "repeated", type: "uint32", id: 6 },
      population: { rule: "repeated", type: "sint32", id: 7 }
     }
    },
    TraceConfig: {
     fields: {
      decay: { type: "uint32", id: 1 },
      impulse: { type: "uint32", id: 2 },
      impulseFraction: { type: "uint32", id: 3 }
     }
    },
    StdpProfile: {
     fields: {
      pointer: { type: "uint32", id: 1 },
      numProducts: { type: "uint32", id: 2 },
      decimateExp: { type: "uint32", id: 3 },
      requireY: { type: "bool", id: 4 }
     }
    },
    CoreLearning: {
     fields: {
      plasticLayer: { type: "uint32", id: 1 },
      inputs: { type: "uint32", id: 2 },
      logicalOutput: { rule: "repeated", type: "sint32", id: 3 },
      preTrace: { rule: "repeated", type: "TraceConfig", id: 4 },
      postTrace: { rule: "repeated", type: "TraceConfig", id: 5 },
      stdpProfiles: { rule: "repeated", type: "StdpProfile", id: 6 },
      microcode: { rule: "repeated", type: "fixed32", id: 7 },
      productMantissaBits: { type: "uint32", id: 8 },
      resetPreTrace: { type: "bool", id: 9 },
      rewardTrace: { type: "TraceConfig", id: 10 },
      preTrace2: { rule: "repeated", type: "TraceConfig", id: 11 }
     }
    },
    Core: {
     fields: {
      chip: { type: "uint32", id: 1 },
      core: { type: "uint32", id: 2 },
      dsOffset: { type: "uint32", id: 3 },
      dmOffset: { type: "uint32", id: 4 },
      negVmLimit: { type: "uint32", id: 5 },
      posVmLimit: { type: "uint32", id: 6 },
      delayBits: { type: "uint32", id: 7 },
      tepoch: { type: "uint32", id: 8 },
      compartmentProfiles: { rule: "repeated", type: "CompartmentProfile", id: 9 },
      vthProfiles: { rule: "repeated", type: "uint32", id: 10 },
      compartments: { rule: "repeated", type: "uint32", id: 11 },
      synapseFormats: { rule: "repeated", type: "SynapseFormat", id: 12 },
      synapseMemory: { type: "bytes", id: 13 },
      inputAxons: { type: "InputAxons", id: 14 },
      outputAxons: { type: "OutputAxons", id: 15 },
      learning: { type: "CoreLearning", id: 16 }
     }
    },
    SymbolRange: {
     fields: {
      chip: { type: "uint32", id: 1 },
      core: { type: "uint32", id: 2 },
      layer: { type: "uint32", id: 3 },
      firstCompartment: { type: "uint32", id: 4 },
      neurons: { rule: "repeated", type: "sint32", id: 5 }
     }
    },
    Layer: {
     fields: {
      name: { type: "string", id: 1 },
      kind: { type: "uint32", id: 2 },
      shape: { rule: "repeated", type: "uint32", id: 3 },
      plastic: { type: "bool", id: 4 }
     }
    },
    Contract: {
     fields: {
      sensorWidth: { type: "uint32", id: 1 },
      sensorHeight: { type: "uint32", id: 2 },
      crop: { rule: "repeated", type: "uint32", id: 3 },
      downsample: { type: "uint32", id: 4 },
      compose: { type: "uint32", id: 5 },
      timestepUs: { type: "uint32", id: 6 },
      mode: { type: "uint32", id: 7 },
      shape: { rule: "repeated", type: "uint32", id: 8 },
      steps: { type: "uint32", id: 9 },
      presentationSteps: { type: "uint32", id: 10 },
      passes: { type: "uint32", id: 11 },
      rowStart: { rule: "repeated", type: "uint32", id: 12 },
      chip: { rule: "repeated", type: "uint32", id: 13 },
      core: { rule: "repeated", type: "uint32", id: 14 },
      axon: { rule: "repeated", type: "uint32", id: 15 },
      atom: { rule: "repeated", type: "uint32", id: 16 },
      outputs: { type: "uint32", id: 17 }
     }
    },
    OutputSymbol: {
     fields: {
      chip: { type: "uint32", id: 1 },
      core: { type: "uint32", id: 2 },
      compartment: { type: "uint32", id: 3 }
     }
    },
    ProgramConstants: {
     fields: {
      ways: { type: "uint32", id: 1 },
      presentationSteps: { type: "uint32", id: 2 },
      windowSteps: { type: "uint32", id: 3 },
      epochSteps: { type: "uint32", id: 4 },
      gamma: { type: "sint32", id: 5 },
      theta: { type: "sint32", id: 6 },
      hi: { type: "sint32", id: 7 },
      lo: { type: "sint32", id: 8 }
     }
    },
    EmbeddedProgram: {
     fields: {
      chip: { type: "uint32", id: 1 },
      form: { type: "uint32", id: 2 },
      constants: { type: "ProgramConstants", id: 3 },
      outputs: { rule: "repeated", type: "OutputSymbol", id: 4 },
      source: { type: "string", id: 5 },
      elf: { type: "bytes", id: 6 }
     }
    },
    ChipImage: {
     fields: {
      name: { type: "string", id: 1 },
      board: { type: "string", id: 2 },
      chips: { type: "uint32", id: 3 },
      chipSeed: { type: "fixed32", id: 4 },
      layers: { rule: "repeated", type: "Layer", id: 5 },
      cores: { rule: "repeated", type: "Core", id: 6 },
      symbols: { rule: "repeated", type: "SymbolRange", id: 7 },
      contract: { type: "Contract", id: 8 },
      embedded: { type: "EmbeddedProgram", id: 9 }
     }
    }
   }
  }
 }
};
