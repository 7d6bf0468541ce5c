// Changes of the policy: what a request makes of the versions that there are.
//
// Functions, any thread.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "engine/state/effects.h"
#include "server/codec/policy_row.h"

namespace baton::server {

inline constexpr uint64_t kPoliciesMax = 256;  // versions

// Decides the request against the newest versions, which it changes, and writes its effect within
// the writer's request. Errors, with no effect: NOT_FOUND, for a version that is none;
// INVALID_ARGUMENT, for what is no policy; FAILED_PRECONDITION, where the version is in a state
// that does not allow the change; RESOURCE_EXHAUSTED, above kPoliciesMax.
absl::StatusOr<PolicyResult> ChangePolicies(const PolicyRequest& request, int64_t wall_us,
                                            Policies* policies, engine::EffectsWriter* writer);

}  // namespace baton::server
