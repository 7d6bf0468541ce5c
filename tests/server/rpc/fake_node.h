// FakeNode: a node in memory that answers at once, or when the test says so.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "server/replica/answers.h"
#include "server/replica/node.h"

namespace baton::server {

class FakeNode final : public Node {
 public:
  // What it answers to a call; by default puts and gets of an in-memory map.
  std::function<Answer(const Call&)> answer;
  bool hold = false;  // keep calls until Release

  void Submit(std::vector<Call> calls, std::shared_ptr<AnswerSink> sink) override {
    MutexLock lock(&mutex_);
    submits_ += 1;
    for (Call& call : calls) {
      contexts_.push_back(call.context);
      levels_.push_back(call.level);
    }
    if (hold) {
      held_.emplace_back(std::move(calls), std::move(sink));
      return;
    }
    Serve(calls, sink.get());
  }

  void Release() {
    MutexLock lock(&mutex_);
    hold = false;
    for (auto& [calls, sink] : held_) Serve(calls, sink.get());
    held_.clear();
  }

  engine::KeyspacePtr FindKeyspace(const std::string& name) const override {
    engine::KeyspaceInfo info = engine::DefaultKeyspaceInfo(0);
    if (name == "other") {
      info.id = KeyspaceId{7};
      info.name = name;
    } else if (!name.empty() && name != info.name) {
      return nullptr;
    }
    return std::make_shared<const engine::KeyspaceInfo>(info);
  }
  Failure NoKeyspace(const std::string& name) const override {
    MutexLock lock(&mutex_);
    return status_.state == "follower" ? NotLeader(status_.leader).failure
                                       : KeyspaceUnknownFailure(name);
  }
  std::vector<KeyspaceStatus> Keyspaces() const override { return {}; }

  NodeStatus Status() const override {
    MutexLock lock(&mutex_);
    return status_;
  }
  void SetStatus(NodeStatus status) {
    MutexLock lock(&mutex_);
    status_ = std::move(status);
  }

  void DescribeLog(std::function<void(LogEnd)> done) override { done({}); }
  void Digest(KeyspaceId, Slot slot, int64_t, std::function<void(DigestResult)> done) override {
    done({{}, 42, 3, slot});
  }

  std::function<MembersResult(const MembersCall&)> change_members;
  void ChangeMembers(MembersCall call, std::function<void(MembersResult)> done) override {
    done(change_members(call));
  }

  std::function<HandoverResult(const HandoverCall&)> handover;
  void Handover(HandoverCall call, std::function<void(HandoverResult)> done) override {
    done(handover(call));
  }

  void Receive(consensus::Message message) override {
    MutexLock lock(&mutex_);
    received_.push_back(std::move(message));
    changed_.NotifyAll();
  }
  // Waits until `n` messages have come.
  std::vector<consensus::Message> AwaitReceived(size_t n, int64_t timeout_us = 5'000'000) {
    MutexLock lock(&mutex_);
    while (received_.size() < n && changed_.WaitFor(&mutex_, timeout_us)) {
    }
    return received_;
  }

  uint64_t WatchLeader(std::function<void(const LeaderHint&)> notify) override {
    MutexLock lock(&mutex_);
    watchers_[++next_watch_] = std::move(notify);
    return next_watch_;
  }
  void UnwatchLeader(uint64_t id) override {
    MutexLock lock(&mutex_);
    watchers_.erase(id);
  }
  void TellLeader(const LeaderHint& leader) {
    MutexLock lock(&mutex_);
    for (auto& [id, notify] : watchers_) notify(leader);
  }

  size_t submits() const {
    MutexLock lock(&mutex_);
    return submits_;
  }
  size_t watchers() const {
    MutexLock lock(&mutex_);
    return watchers_.size();
  }
  std::vector<CallContext> contexts() const {
    MutexLock lock(&mutex_);
    return contexts_;
  }

  std::vector<ReadLevel> levels() const {
    MutexLock lock(&mutex_);
    return levels_;
  }

  // The failure of a follower that knows `leader`.
  static Answer NotLeader(std::optional<LeaderHint> leader) {
    Answer answer;
    answer.failure.code = absl::StatusCode::kUnavailable;
    answer.failure.reason = Reason::kNotLeader;
    answer.failure.message = "this node does not lead";
    answer.failure.leader = std::move(leader);
    return answer;
  }

 private:
  void Serve(const std::vector<Call>& calls, AnswerSink* sink) BATON_REQUIRES(mutex_) {
    for (const Call& call : calls) sink->Answered(call.tag, answer ? answer(call) : Store(call));
    sink->Flush();
  }

  Answer Store(const Call& call) BATON_REQUIRES(mutex_) {
    Answer result;
    result.position = {1, Slot{++slot_}, Revision{slot_}};
    if (const auto* get = std::get_if<GetCall>(&call.request)) {
      GetResult found;
      for (const std::string& key : get->keys) {
        const auto it = records_.find(key);
        found.records.push_back(it == records_.end()
                                    ? std::nullopt
                                    : std::optional<engine::Record>({"", it->second, Revision{1}}));
      }
      result.result = std::move(found);
    } else if (const auto* scan = std::get_if<engine::ScanSpec>(&call.request)) {
      engine::ScanPage page;
      for (auto it = records_.lower_bound(scan->begin); it != records_.end(); ++it) {
        if (!scan->end.empty() && it->first >= scan->end) break;
        if (page.records.size() == scan->limit) {
          page.next = it->first;
          break;
        }
        page.records.push_back({it->first, it->second, Revision{1}});
      }
      result.result = std::move(page);
    } else {
      result.result = Write(std::get<engine::WriteRequest>(call.request));
      result.durability = engine::Durability::kQuorum;
    }
    return result;
  }

  engine::WriteResult Write(const engine::WriteRequest& write) BATON_REQUIRES(mutex_) {
    engine::WriteResult result;
    result.revision = Revision{slot_};
    for (const engine::WriteOp& op : write.ops) {
      if (const auto* put = std::get_if<engine::PutOp>(&op)) {
        records_[put->key] = put->value;
      } else if (const auto* erase = std::get_if<engine::DeleteOp>(&op)) {
        const bool existed = records_.erase(erase->key) > 0;
        if (erase->want_existed) result.existed = existed;
      } else if (const auto* increment = std::get_if<engine::IncrementOp>(&op)) {
        std::string& value = records_[increment->key];
        const int64_t sum = (value.empty() ? 0 : std::stoll(value)) + increment->by;
        value = std::to_string(sum);
        result.numbers.push_back(sum);
      } else if (const auto* append = std::get_if<engine::AppendOp>(&op)) {
        std::string& value = records_[append->key];
        value += append->bytes;
        result.numbers.push_back(static_cast<int64_t>(value.size()));
      } else {
        const auto& range = std::get<engine::DeleteRangeOp>(op);
        const auto first = records_.lower_bound(range.begin);
        const auto last = range.end.empty() ? records_.end() : records_.lower_bound(range.end);
        if (range.want_count) result.deleted = std::distance(first, last);
        records_.erase(first, last);
      }
    }
    return result;
  }

  mutable Mutex mutex_;
  CondVar changed_;
  NodeStatus status_ BATON_GUARDED_BY(mutex_);
  std::map<std::string, std::string> records_ BATON_GUARDED_BY(mutex_);
  uint64_t slot_ BATON_GUARDED_BY(mutex_) = 0;
  size_t submits_ BATON_GUARDED_BY(mutex_) = 0;
  std::vector<CallContext> contexts_ BATON_GUARDED_BY(mutex_);
  std::vector<ReadLevel> levels_ BATON_GUARDED_BY(mutex_);
  std::vector<consensus::Message> received_ BATON_GUARDED_BY(mutex_);
  std::vector<std::pair<std::vector<Call>, std::shared_ptr<AnswerSink>>> held_
      BATON_GUARDED_BY(mutex_);
  std::map<uint64_t, std::function<void(const LeaderHint&)>> watchers_ BATON_GUARDED_BY(mutex_);
  uint64_t next_watch_ BATON_GUARDED_BY(mutex_) = 0;
};

}  // namespace baton::server
