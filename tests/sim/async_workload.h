// AsyncWorkload: clients that put into a keyspace of mode async, each key once, and write down what
// they were told. Now and then one reads at once what it was just told to be there. Some number
// their puts in a session, and send again what nobody has answered. Meanwhile an operator alters
// the budget, and the mode.
//
// In the end each acknowledged write is readable or in the ledger of losses; none is both but for
// one that the ledger says was sent again; none is listed twice; those acknowledged QUORUM are
// readable; none was acknowledged LOCAL where the keyspace is sync; and no reign has lost more than
// the largest budget that was chosen. Where a disk is damaged, or a member leaves for good, what
// stood there alone cannot be listed.
//
// The checker of what async promises. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/state/loss.h"
#include "tests/sim/workload.h"

namespace baton::sim {

class AsyncWorkload : public Workload {
 public:
  static constexpr uint32_t kClients = 3;
  static constexpr uint64_t kBudgetOps = 12;
  static constexpr int64_t kTimeoutUs = 400'000;
  static constexpr int64_t kRetryUsMax = 60'000;
  static constexpr int64_t kAlterUsMax = 2'000'000;

  explicit AsyncWorkload(Cluster* cluster) : cluster_(cluster), clients_(kClients) {}

  void Begin() override { Create(); }
  void End() override { ended_ = true; }
  bool Idle() const override { return true; }  // Finish hears no answer any more
  void Finish() override;
  int64_t NewestAckedUs() const override { return newest_acked_us_; }
  const std::vector<history::Operation>& history() const override { return none_; }

 private:
  struct Client {
    uint32_t target = 0;  // who leads, it believes; 0: no idea
    uint64_t puts = 0;
    bool numbers = false;  // its puts, in a session
    uint64_t session = 0;  // 0: none is open yet
  };
  struct Put {
    bool acked = false;
    bool refused = false;    // surely without effect
    bool uncertain = false;  // an attempt may have had one
    engine::SessionStamp stamp;
    engine::Durability durability = engine::Durability::kUnspecified;
    Position position;
  };
  // The keyspace as its chosen changes tell, by slot.
  struct History {
    std::map<Slot, engine::KeyspaceMode> modes;
    uint64_t budget_ops = 0;  // the largest
  };
  struct Listed {
    std::map<std::string, engine::Loss> lost;
    std::map<std::string, std::set<Revision>> untold;     // attempts of a sync keyspace
    std::set<std::string> again;                          // for which another attempt counts
    std::map<std::string, std::set<Revision>> revisions;  // of all rows of a key
  };
  using Present = std::map<std::string, Revision>;

  void Create();
  void Later(size_t client, int64_t us_max);
  void Alter();
  void Next(size_t client);
  void OpenSession(size_t client);
  void Send(size_t client, const std::string& key);
  void Answered(size_t client, uint32_t node, const std::string& key, int64_t invoked_us,
                const server::Answer& answer);
  // Nobody knows what became of it: it is sent again, or left.
  void Unanswered(size_t client, const std::string& key);
  // What was acknowledged there is seen there, as long as the same reign goes on.
  void ReadBack(uint32_t node, const std::string& key);

  // All that there is, asked of the leader; nullopt: not now.
  std::optional<std::vector<engine::Record>> ScanAll(engine::ScanSpec spec);
  std::optional<Present> ReadKeys();
  std::optional<Listed> ReadLedger();
  std::optional<History> ReadHistory();
  // "" when every acknowledged write is explained.
  std::string Unexplained(const Present& present, const Listed& listed) const;
  std::string Contradiction(const Present& present, const Listed& listed,
                            const History& history) const;
  static std::string WrongMode(const std::string& key, const Put& put, const History& history);
  bool MayLoseTheLedger() const;

  Cluster* const cluster_;
  std::vector<Client> clients_;
  KeyspaceId keyspace_;
  std::map<std::string, Put> puts_;  // by key
  bool ended_ = false;
  bool closed_ = false;  // the reckoning has begun: what is told from now on is not part of it
  int64_t newest_acked_us_ = -1;
  const std::vector<history::Operation> none_;
};

}  // namespace baton::sim
