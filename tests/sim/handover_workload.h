// HandoverWorkload: operators who move leadership while everything is under attack. They use few
// ids, so that most of what they ask was asked before, by others, of other nodes, in the middle of
// it; some abort, also what was asked for a moment ago.
//
// It checks that an id has one handover: whatever is told of it at any time is the beginning of
// what is told in the end; that this has an outcome; and that the log has the reign that it tells
// of, and no other for it. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "server/codec/handover_row.h"
#include "server/codec/stored_rows.h"
#include "tests/sim/workload.h"

namespace baton::sim {

class HandoverWorkload : public Workload {
 public:
  static constexpr int64_t kTimeoutUs = 3'000'000;
  static constexpr int64_t kPauseUsMin = 20'000;  // between two that ask
  static constexpr int64_t kPauseUsMax = 600'000;
  static constexpr uint32_t kIds = 8;
  static constexpr int kLooksMax = 400;
  static constexpr int64_t kLookUs = 200;

  explicit HandoverWorkload(Cluster* cluster);

  void Begin() override { AskLater(); }
  void End() override {}
  bool Idle() const override { return true; }
  void Finish() override;
  // No handover must come about: one may be refused for good reasons.
  int64_t NewestAckedUs() const override { return INT64_MAX; }
  const std::vector<history::Operation>& history() const override { return none_; }

 private:
  void AskLater();
  void AbortSoon(Machine* machine, server::HandoverCall call, int looks);
  void Ask(Machine* machine, server::HandoverCall call);
  server::HandoverCall Draw();
  void Told(const std::string& id, const server::HandoverResult& result);
  // What the leader says in the end; nullopt: nobody has asked for it in the log's view.
  bool ShowInTheEnd(const std::string& id, std::optional<server::HandoverRow>* row);
  std::optional<std::vector<server::ReignRow>> ReadReigns();
  void CheckReigns(const server::HandoverRow& row, const std::vector<server::ReignRow>& reigns);
  void Count(const server::HandoverRow& row);
  void Wrong(const std::string& id, const std::string& what);

  Cluster* const cluster_;
  std::map<std::string, server::HandoverOrder> orders_;
  std::map<std::string, server::HandoverRow> newest_;  // the longest that was told, by id
  const std::vector<history::Operation> none_;
};

}  // namespace baton::sim
