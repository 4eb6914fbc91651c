// SPDX-License-Identifier: MIT
// A browser without a window, driven over its DevTools pipe: JSON messages that end with a zero
// byte, to its file 3 and from its file 4.
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

namespace browser {

using Json = nlohmann::json;

/// The program's path; empty if none is installed.
inline std::string find_chromium() {
  const char* variable = std::getenv("PATH");
  std::string_view folders = variable == nullptr ? "/usr/bin" : variable;
  while (!folders.empty()) {
    const std::string folder(folders.substr(0, folders.find(':')));
    folders.remove_prefix(std::min(folders.size(), folder.size() + 1));
    for (const char* name : {"chromium", "chromium-browser", "google-chrome"}) {
      const std::string path = folder + "/" + name;
      if (::access(path.c_str(), X_OK) == 0) return path;
    }
  }
  return {};
}

/// A child of its own process group, with what it prints in a file; killed with its children.
class Process {
 public:
  Process(const std::string& program, const std::filesystem::path& folder)
      : printed_(folder / "printed") {
    std::array<int, 2> there{}, back{};
    if (::pipe2(there.data(), O_CLOEXEC) != 0 || ::pipe2(back.data(), O_CLOEXEC) != 0) {
      throw std::runtime_error("no pipes");
    }
    child_ = ::fork();
    if (child_ == 0) become(program, folder, there[0], back[1]);
    ::close(there[0]);
    ::close(back[1]);
    to_ = there[1];
    from_ = back[0];
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    ::kill(-child_, SIGKILL);
    ::kill(child_, SIGKILL);  // before it is a group's leader
    ::waitpid(child_, nullptr, 0);
    ::close(to_);
    ::close(from_);
  }

  int to() const { return to_; }
  int from() const { return from_; }

  /// The end of what it said on its standard error.
  std::string complaint() const {
    std::ifstream file(printed_);
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    return text.substr(text.size() - std::min<std::size_t>(text.size(), 1000));
  }

 private:
  [[noreturn]] void become(const std::string& program, const std::filesystem::path& folder,
                           int commands, int answers) {
    ::setpgid(0, 0);
    ::dup2(::fcntl(commands, F_DUPFD, 10), 3);
    ::dup2(::fcntl(answers, F_DUPFD, 10), 4);
    ::dup2(::open("/dev/null", O_RDWR), 0);
    ::dup2(::open(printed_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 1);
    ::dup2(1, 2);
    const std::string profile = "--user-data-dir=" + (folder / "profile").string();
    ::alarm(600);
    ::execl(program.c_str(), program.c_str(), "--headless", "--no-sandbox", "--disable-gpu",
            "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
            "--disable-background-networking", "--remote-debugging-pipe", profile.c_str(),
            "about:blank", nullptr);
    ::_exit(127);
  }

  std::filesystem::path printed_;
  pid_t child_ = -1;
  int to_ = -1, from_ = -1;
};

/// A folder that nobody else has, as long as this lives.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "octavo_chromium_XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder " + name);
    path_ = name;
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// One page. Whatever it does not answer within a minute throws: a machine may be busy.
class Chromium {
 public:
  explicit Chromium(const std::string& program) : process_(program, folder_.path()) {
    try {
      const Json target = call("Target.createTarget", {{"url", "about:blank"}});
      session_ =
          call("Target.attachToTarget", {{"targetId", target["targetId"]}, {"flatten", true}})
              .at("sessionId");
      for (const char* domain : {"Page", "Runtime", "Log", "Network", "Accessibility"}) {
        call(std::string(domain) + ".enable");
      }
    } catch (const std::exception& error) {
      throw std::runtime_error(std::string(error.what()) + ": " + process_.complaint());
    }
  }
  Chromium(const Chromium&) = delete;
  Chromium& operator=(const Chromium&) = delete;

  Json call(const std::string& method, const Json& parameters = Json::object()) {
    Json message{{"id", ++calls_}, {"method", method}, {"params", parameters}};
    if (!session_.empty()) message["sessionId"] = session_;
    const std::string text = message.dump();
    for (std::size_t sent = 0; sent <= text.size();) {  // with the zero byte
      const ssize_t count = ::write(process_.to(), text.c_str() + sent, text.size() + 1 - sent);
      if (count < 0) throw std::runtime_error(method + ": the browser is gone");
      sent += static_cast<std::size_t>(count);
    }
    for (;;) {
      Json answer = read();
      if (answer.value("id", 0) == calls_) {
        if (answer.contains("error")) throw std::runtime_error(method + ": " + answer.dump());
        return answer.at("result");
      }
      if (answer.contains("method")) events_.push_back(std::move(answer));
    }
  }

  /// The value of an expression in the page.
  Json evaluate(const std::string& expression) {
    const Json answer =
        call("Runtime.evaluate",
             {{"expression", expression}, {"returnByValue", true}, {"awaitPromise", true}});
    if (answer.contains("exceptionDetails")) throw std::runtime_error(answer.dump());
    return answer.at("result").value("value", Json());
  }

  /// Opens a file, and waits until it is there. Forgets the events so far.
  void open(const std::filesystem::path& file) {
    events_.clear();
    call("Page.navigate", {{"url", "file://" + file.string()}});
    while (events("Page.loadEventFired").empty()) events_.push_back(read());
  }

  /// As if the window were so wide, and the reader liked such colours.
  void show_as(int width, const std::string& scheme, const std::string& media = "screen") {
    call("Emulation.setDeviceMetricsOverride",
         {{"width", width}, {"height", 900}, {"deviceScaleFactor", 1}, {"mobile", false}});
    call("Emulation.setEmulatedMedia",
         {{"media", media},
          {"features", Json::array({{{"name", "prefers-color-scheme"}, {"value", scheme}}})}});
  }

  std::vector<Json> events(const std::string& method) const {
    std::vector<Json> found;
    for (const Json& event : events_) {
      if (event.value("method", "") == method) found.push_back(event.at("params"));
    }
    return found;
  }

 private:
  Json read() {
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    for (;;) {
      const std::size_t zero = buffer_.find('\0');
      if (zero != buffer_.npos) {
        Json message = Json::parse(buffer_.substr(0, zero));
        buffer_.erase(0, zero + 1);
        return message;
      }
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          end - std::chrono::steady_clock::now());
      pollfd waiting{process_.from(), POLLIN, 0};
      if (left.count() <= 0 || ::poll(&waiting, 1, static_cast<int>(left.count())) <= 0) {
        throw std::runtime_error("the browser does not answer");
      }
      std::array<char, 65536> piece;
      const ssize_t count = ::read(process_.from(), piece.data(), piece.size());
      if (count <= 0) throw std::runtime_error("the browser is gone");
      buffer_.append(piece.data(), static_cast<std::size_t>(count));
    }
  }

  ScratchFolder folder_;
  Process process_;  // ends before the folder does
  int calls_ = 0;
  std::string session_;
  std::string buffer_;
  std::vector<Json> events_;
};

/// The same for all tests: it takes a second to start, on a busy machine a minute, so it has three
/// tries. Null if there is none; one that does not start throws.
inline Chromium* any_chromium() {
  static std::optional<Chromium> one;
  static std::string why;  // it does not start
  if (one) return &*one;
  const std::string program = find_chromium();
  if (program.empty()) {
    std::puts("no chromium found");
    return nullptr;
  }
  std::signal(SIGPIPE, SIG_IGN);
  for (int attempt = 0; attempt < 3 && why.empty(); ++attempt) {
    try {
      return &one.emplace(program);
    } catch (const std::exception& error) {
      if (attempt == 2) why = error.what();
    }
  }
  throw std::runtime_error(why);
}

/// Nothing was loaded but the page itself, and nothing went wrong.
inline void check_silence(const Chromium& browser) {
  for (const Json& request : browser.events("Network.requestWillBeSent")) {
    const std::string url = request["request"]["url"];
    const bool own = url.starts_with("data:") || url.starts_with("blob:");
    CHECK_MESSAGE((own || request["type"] == "Document"), url);
  }
  for (const char* complaint :
       {"Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"}) {
    for (const Json& event : browser.events(complaint)) FAIL_CHECK(event.dump());
  }
}

}  // namespace browser
