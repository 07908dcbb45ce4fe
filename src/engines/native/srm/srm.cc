// Engine of the `srm` network: burn-in, gradient and Hessian-vector product of sets of samples, as phases of independent items,
// so that threads (or workers on a shared memory) take items and the bits never depend on who took which. C linkage, no Node
// types, no C++ library. Source: design §4–5.
//   network.h what is kept     weights.h layouts     spikes.h lists     exact.h spikes at the threshold
//   neurons.h, forward.h forward     adjoint.h, backward.h gradient     hessian.h Hessian product     loss.h readout
//   middle.h steps between burn-in and window     traces.h filtered inputs     deep-pools.h pools on pools
// Set 0 is the support, set 1 the query. Samples are taken in groups whose gradients are added up by themselves and then in
// order; groups get smaller towards the end, so that threads finish together.
#include "loss.h"
#include "middle.h"
#include "weights.h"

#ifndef SRM_ISA
#define SRM_ISA base
#endif
#define SRM_JOIN2(a, b) a##_##b
#define SRM_JOIN(a, b) SRM_JOIN2(a, b)
#define SRM_NAME(name) SRM_JOIN(name, SRM_ISA)

namespace srm {

enum Kind { BURN, GRADIENT, HESSIAN, MIDDLE, PULL_BACK };
enum Phase { PACK, SAMPLES, COLLECT };
enum Flags { GRADIENT_WANTED = 1, BURN_QUERIES = 2, TRACES_WANTED = 4 };

// ints: layers, steps, first step of the window, threads, unadapted steps; then for each layer inC inH inW outC outH outW kH kW
// sH sW pH pW pools groups.
// reals: for each layer alpha beta alphaR wr gain.
template <class T> void* create(const int32_t* ints, const double* reals) {
  auto* net = new (allocate(sizeof(Network<T>))) Network<T>();
  const int count = ints[0];
  net->steps = ints[1];
  net->burnIn = ints[2];
  net->unadapted = ints[4];
  net->work.make(ints[3]);
  net->sets.make(2);
  net->setSize.zero(2);
  net->rawBurn.make(2);
  const int32_t* row = ints + 5;
  net->offset.push(0);
  net->rawOffset.push(0);
  size_t outside = 0;
  for (int l = 0; l < count; l++, row += 14, reals += 5) {
    Layer L{};
    L.inC = row[0]; L.inH = row[1]; L.inW = row[2]; L.outC = row[3]; L.outH = row[4]; L.outW = row[5];
    L.kH = row[6]; L.kW = row[7]; L.sH = row[8]; L.sW = row[9]; L.pH = row[10]; L.pW = row[11]; L.pool = row[12];
    L.alpha = reals[0]; L.beta = reals[1]; L.alphaR = reals[2]; L.wr = reals[3]; L.gain = reals[4];
    L.inCp = (L.inC + LANES<T> - 1) / LANES<T> * LANES<T>;
    L.outCp = (L.outC + LANES<T> - 1) / LANES<T> * LANES<T>;
    L.nextH = L.outH >> L.pool;      // each pool drops an odd last row or column
    L.nextW = L.outW >> L.pool;
    net->layers.push(L);
    net->groups.push(row[13]);
    net->offset.push(net->offset[l] + accumulatorSize(L));
    net->rawOffset.push(net->rawOffset[l] + L.externalWeights() + L.outC);
    outside += L.externalWeights() / row[13] + L.outC;
  }
  net->filter.make(count);
  for (int l = 0; l < count; l++) net->filter[l].make(net->layers[l], net->unadapted);
  net->collected.zero(outside);
  makePacks(*net, net->weights);
  return net;
}

template <class T> void destroy(void* h) {
  auto* net = static_cast<Network<T>*>(h);
  net->~Network<T>();
  release(net);
}

// Groups of samples: a sixteenth of what is left each, one sample at the end.
static inline void makeGroups(Job& job) {
  job.groupStart.clear();
  for (int at = 0; at < job.samples; at += (job.samples - at + 15) / 16) job.groupStart.push(at);
  job.groupStart.push(job.samples);
}
static inline int groupsOf(const Job& job) { return int(job.groupStart.size()) - 1; }
static inline bool runsNoGroups(const Job& job) { return job.kind == BURN || job.kind == MIDDLE; }

// which 0: weights, 1: direction of the Hessian-vector product, in the outside layout; 2: cotangents of the support's samples.
template <class T> void setWeights(Network<T>& net, int which, const T* from) {
  if (which == 2) {
    net.cotangents.resize(net.setSize[0] * (net.last().outC + net.features()));
    __builtin_memcpy(net.cotangents.data(), from, net.cotangents.size() * sizeof(T));
    return;
  }
  if (which) makePacks(net, net.direction);
  if (copyWeights(net, from, which ? net.rawDirection : net.raw)) (which ? net.staleDirection : net.stale) = true;
}

// which 0: reported [sample][reportedSize], 1: losses [sample] float64, 2: gradient in the outside layout, 3: traces float64.
template <class T> const void* result(const Network<T>& net, int which, uint32_t* length) {
  const auto of = [&](const auto& values) {
    *length = uint32_t(values.size());
    return static_cast<const void*>(values.data());
  };
  return which == 0 ? of(net.reported) : which == 1 ? of(net.losses) : which == 2 ? of(net.collected) : of(net.traces);
}

// Says what the next run of the phases does. BURN, MIDDLE: set is a mask of sets. `flags`: GRADIENT_WANTED; BURN_QUERIES beside
// the support's gradient, as both need no more than the start weights and five samples share out badly; TRACES_WANTED.
template <class T> void setJob(Network<T>& net, int kind, int set, int samples, const int32_t* label, int flags) {
  Job& job = net.job;
  job.kind = kind;
  job.set = set;
  job.samples = samples;
  job.gradient = flags & GRADIENT_WANTED;
  job.traces = flags & TRACES_WANTED;
  job.burning = kind == BURN || kind == MIDDLE ? set : flags & BURN_QUERIES ? 2 : 0;
  job.pack = (net.stale ? packItems(net) : 0);
  job.packDirection = kind == HESSIAN && net.staleDirection ? packItems(net) : 0;
  net.stale = false;
  if (kind == HESSIAN) net.staleDirection = false;
  const size_t bytes = net.raw.size() * sizeof(T);
  for (int s = 0; s < 2; s++) {
    if (kind == MIDDLE || !(job.burning >> s & 1)) continue;
    net.rawBurn[s].resize(net.raw.size());
    __builtin_memcpy(net.rawBurn[s].data(), net.raw.data(), bytes);
  }
  if (kind == BURN || kind == MIDDLE) return;
  net.weightsAreBurnt = net.unadapted < net.burnIn || __builtin_memcmp(net.rawBurn[set].data(), net.raw.data(), bytes) == 0;
  job.label.resize(samples);
  for (int i = 0; i < samples; i++) job.label[i] = label[i];
  makeGroups(job);
  net.losses.zero(samples);
  if (job.traces) net.traces.resize(samples * net.features());
  net.reported.resize(samples * net.reportedSize());
  if (job.gradient) net.accumulators.resize(groupsOf(job) * net.offset[net.layers.size()]);
}

template <class T> int items(const Network<T>& net, int phase) {
  const Job& job = net.job;
  if (phase == PACK) return job.pack + job.packDirection;
  if (phase == COLLECT) return runsNoGroups(job) || !job.gradient ? 0 : packItems(net);
  const int burning = (job.burning & 1 ? net.setSize[0] : 0) + (job.burning & 2 ? net.setSize[1] : 0);
  return burning + (runsNoGroups(job) ? 0 : groupsOf(job));
}

template <class T> void runItem(Network<T>& net, int phase, int item, int thread) {
  const Job& job = net.job;
  if (phase == PACK) {
    if (item < job.pack) packWeights(net, net.raw, net.weights, item);
    else packWeights(net, net.rawDirection, net.direction, item - job.pack);
    return;
  }
  if (phase == COLLECT) return collect(net, groupsOf(job), item);
  const int groups = runsNoGroups(job) ? 0 : groupsOf(job);
  if (item >= groups) {
    const int first = job.burning & 1 ? net.setSize[0] : 0, index = item - groups, set = index < first ? 0 : 1;
    Sample<T>& sample = net.sets[set][set ? index - first : index];
    return job.kind == MIDDLE ? runMiddle(net, sample, net.work[thread]) : burnSample(net, sample, net.work[thread]);
  }
  const size_t size = net.offset[net.layers.size()];
  T* into = job.gradient ? net.accumulators.get() + item * size : nullptr;
  if (into) __builtin_memset(into, 0, size * sizeof(T));
  for (int i = job.groupStart[item]; i < job.groupStart[item + 1]; i++) {
    if (job.kind == HESSIAN) hessian<T>(net, thread, job.set, i, job.label[i], job.samples, into);
    else if (job.kind == PULL_BACK) pullBack<T>(net, thread, i, into);
    else net.losses[i] = gradient<T>(net, thread, job.set, i, job.label[i], job.samples, net.reported.data() + i * net.reportedSize(), into);
  }
}

}  // namespace srm

using srm::Network;

#define SRM_FUNCTION(name, suffix) extern "C" __attribute__((visibility("default"))) auto SRM_JOIN(SRM_NAME(srm_##name), suffix)
#define SRM_API(T, suffix)                                                                                             \
  SRM_FUNCTION(create, suffix)(const int32_t* ints, const double* reals)->void* { return srm::create<T>(ints, reals); } \
  SRM_FUNCTION(destroy, suffix)(void* h)->void { srm::destroy<T>(h); }                                                 \
  SRM_FUNCTION(weights, suffix)(void* h, int which, const T* from)->void {                                             \
    srm::setWeights<T>(*static_cast<Network<T>*>(h), which, from);                                                     \
  }                                                                                                                    \
  SRM_FUNCTION(set_size, suffix)(void* h, int set, int samples)->void {                                                \
    auto& net = *static_cast<Network<T>*>(h);                                                                          \
    net.sets[set].make(samples);                                                                                       \
    net.setSize[set] = samples;                                                                                        \
    for (int i = 0; i < samples; i++) net.sets[set][i].set = set;                                                      \
  }                                                                                                                    \
  /* rowStart [steps + 1]; channel = (p·H + y)·W + x, ascending in a row; count ≥ 1 */                                 \
  SRM_FUNCTION(sample, suffix)(void* h, int set, int index, const uint32_t* rowStart, const uint32_t* channel,         \
                               const uint16_t* count)->void {                                                          \
    auto& net = *static_cast<Network<T>*>(h);                                                                          \
    srm::keepSample<T>(net.sets[set][index], net.steps, rowStart, channel, count);                                     \
  }                                                                                                                    \
  SRM_FUNCTION(job, suffix)(void* h, int kind, int set, int samples, const int32_t* label, int flags)->void {          \
    srm::setJob<T>(*static_cast<Network<T>*>(h), kind, set, samples, label, flags);                                    \
  }                                                                                                                    \
  SRM_FUNCTION(items, suffix)(void* h, int phase)->int { return srm::items<T>(*static_cast<Network<T>*>(h), phase); }  \
  SRM_FUNCTION(run, suffix)(void* h, int phase, int item, int thread)->void {                                          \
    srm::runItem<T>(*static_cast<Network<T>*>(h), phase, item, thread);                                                \
  }                                                                                                                    \
  SRM_FUNCTION(result, suffix)(void* h, int which, uint32_t* length)->const void* {                                    \
    return srm::result<T>(*static_cast<Network<T>*>(h), which, length);                                                \
  }

SRM_API(float, f32)
#ifndef METALOIHI_FREESTANDING
SRM_API(double, f64)
#endif
