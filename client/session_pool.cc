#include "client/session_pool.h"

#include <algorithm>

namespace baton::client {

// Whether there is room for one more. What is kept only to be asked about gives way.
bool SessionPool::MakeRoom(Session* session) {
  while (session->next - session->Lowest() >= kWindow && !session->unknown.empty()) {
    session->held.erase(session->unknown.front());
    session->unknown.pop_front();
  }
  return session->next - session->Lowest() < kWindow;
}

std::optional<WriteStamp> SessionPool::Take() {
  for (Session& session : sessions_) {
    if (!MakeRoom(&session)) continue;
    const uint64_t sequence = session.next++;
    session.held.insert(session.held.end(), sequence);
    return WriteStamp{session.id, sequence, session.Lowest()};
  }
  return std::nullopt;
}

void SessionPool::Done(const WriteStamp& stamp, bool unknown) {
  Session* session = Find(stamp.session);
  if (session == nullptr) return;
  if (!unknown) {
    session->held.erase(stamp.sequence);
    return;
  }
  session->unknown.push_back(stamp.sequence);
  if (session->unknown.size() <= kUnknownKept) return;
  session->held.erase(session->unknown.front());
  session->unknown.pop_front();
}

bool SessionPool::WantsAnother() const { return !opening_ && sessions_.size() < kSessionsMax; }

void SessionPool::Opened(uint64_t id) {
  opening_ = false;
  sessions_.push_back(Session{.id = id});
}

void SessionPool::Ended(uint64_t id) {
  std::erase_if(sessions_, [&](const Session& session) { return session.id == id; });
}

void SessionPool::SentAgain(uint64_t id) {
  if (Session* const session = Find(id)) session->sent_again = true;
}

std::vector<uint64_t> SessionPool::TakeSettled() {
  std::vector<uint64_t> settled;
  for (const Session& session : sessions_) {
    if (session.held.empty() && !session.sent_again) settled.push_back(session.id);
  }
  for (const uint64_t id : settled) Ended(id);
  return settled;
}

SessionPool::Session* SessionPool::Find(uint64_t id) {
  const auto found = std::find_if(sessions_.begin(), sessions_.end(),
                                  [&](const Session& session) { return session.id == id; });
  return found == sessions_.end() ? nullptr : &*found;
}

}  // namespace baton::client
