// What a change did, in the words of its audit line. Pure functions.
#pragma once

#include <string>

#include "consensus/entry.h"
#include "engine/state/keyspace.h"

namespace baton::server {

// "node 4 joins as learner; node 2 leaves", or that a joint membership has ended.
std::string WordsOf(const consensus::Membership& before, const consensus::Membership& after);

const char* ModeWord(engine::KeyspaceMode mode);  // "async"
// "max_unreplicated_ops 1000 to 5000, mode async to sync"; "": they are the same.
std::string WordsOf(const engine::KeyspaceSettings& before, const engine::KeyspaceSettings& after);

// "2026-11-28T13:05:01Z"
std::string UtcWords(int64_t wall_time_us);

}  // namespace baton::server
