// Operation: a tag of the peer completion queue that calls a method of its owner.
//
// The owner outlives every operation it has started. Done runs on the peer I/O thread.
#pragma once

namespace baton::server {

class Operation {
 public:
  virtual ~Operation() = default;
  virtual void Done(bool ok) = 0;
};

template <class Owner>
class MethodOperation final : public Operation {
 public:
  MethodOperation(Owner* owner, void (Owner::*method)(bool)) : owner_(owner), method_(method) {}
  void Done(bool ok) override { (owner_->*method_)(ok); }

 private:
  Owner* const owner_;
  void (Owner::*const method_)(bool);
};

}  // namespace baton::server
