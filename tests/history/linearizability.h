// Linearizability of a history: is there one order of all operations, each between its invocation
// and its return, in which every get finds what the operations before it left?
//
//   const Judgement judgement = CheckLinearizable(history);
//   if (judgement.verdict != Verdict::kLinearizable) fail(judgement.explanation);
//
// The search of Wing and Gong with Lowe's memory of visited (linearized set, state) pairs
// (https://doi.org/10.1002/cpe.3928), key by key, since a history is linearizable exactly when that
// of every key is. A get that may go next and finds the present state goes next without a
// branch: it changes nothing, so no order is lost. Writes of unknown outcome never return, with two
// exceptions that lose no order either: one whose value nobody found afterwards is left out; one
// that alone wrote a value that was found returns when it was first found.
//
// Pure; any thread. Keys begin absent.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/history/history.h"

namespace baton::history {

enum class Verdict : uint8_t {
  kLinearizable,
  kNotLinearizable,
  kUnknown,  // a limit was reached before an answer. Not a pass.
};

struct CheckLimits {
  int64_t time_us = 10'000'000;     // of all keys together; wall clock
  uint64_t states_max = 4'000'000;  // remembered of one key; some 40 bytes each
};

struct Judgement {
  Verdict verdict = Verdict::kLinearizable;
  std::string key;  // the first, in byte order, that failed; empty when all passed
  // For people, several lines: the operation that no order of what had been invoked until its
  // return explains (there is an order without it), and those before and beside it. Empty when all
  // passed.
  std::string explanation;
  Operation culprit;    // that operation; kNotLinearizable only
  uint64_t states = 0;  // visited
};

// REQUIRES: returned_us >= invoked_us in every operation. An operation that returns at the
// microsecond at which another is invoked counts as concurrent with it.
Judgement CheckLinearizable(const std::vector<Operation>& history, const CheckLimits& limits = {});

}  // namespace baton::history
