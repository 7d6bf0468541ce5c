// The quick start of client/README.md, as a program: quick_start HOST:PORT[,HOST:PORT...]
#include <baton/client.h>

#include <iostream>

int main(int argc, char** argv) {
  auto endpoints = baton::ParseEndpoints(argc > 1 ? argv[1] : "127.0.0.1:7400");
  if (!endpoints.ok()) {
    std::cerr << endpoints.status() << "\n";
    return 2;
  }
  auto client = baton::Client::Connect({.endpoints = *endpoints});
  if (!client.ok()) {
    std::cerr << client.status() << "\n";
    return 2;
  }

  auto put = (*client)->Put("greeting", "hello");
  if (!put.ok()) {
    std::cerr << put.status() << "\n";
    return 1;
  }
  std::cout << "revision " << put->revision << ", durability "
            << baton::DurabilityName(put->durability) << "\n";

  auto get = (*client)->Get("greeting");
  if (!get.ok()) {
    std::cerr << get.status() << "\n";
    return 1;
  }
  std::cout << (get->record ? get->record->value : "(no such key)") << "\n";

  baton::Scanner scanner(client->get(), {.prefix = "gre"});
  while (scanner.Next()) std::cout << scanner.record().key << "\n";
  return scanner.status().ok() ? 0 : 1;
}
