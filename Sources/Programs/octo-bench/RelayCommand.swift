import ArgumentParser
import Glibc
import NodeShell
import Time

/// A line that a relay obeys.
enum RelayOrder: Equatable {
    case delay(Duration)
    case loss(Double)
    /// Bytes a second; nil: as many as come.
    case rate(Double?)
    case pass(TCPRelay.Passage)
    case count

    /// - Returns: nil for what is no such line.
    init?(_ line: String) {
        let words = line.split(separator: " ")
        guard let verb = words.first, words.count <= 2 else { return nil }
        let number = words.count == 2 ? Double(words[1]).flatMap { $0.isFinite && $0 >= 0 ? $0 : nil } : nil
        switch (verb, words.count, number) {
        case ("cut", 1, _): self = .pass(.cut)
        case ("blackhole", 1, _): self = .pass(.blackhole)
        case ("close", 1, _): self = .pass(.closed)
        case ("restore", 1, _): self = .pass(.open)
        case ("count", 1, _): self = .count
        case ("delay", 2, let number?): self = .delay(.fromSeconds(number * 1e-3))
        case ("loss", 2, let number?) where number <= 100: self = .loss(number / 100)
        case ("rate", 2, let number?): self = .rate(number == 0 ? nil : number * 1e6 / 8)
        default: return nil
        }
    }
}

/// Stands in for a bad network between two programs.
struct RelayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "relay",
        abstract: "Stand in for a bad network: forward TCP with delay, loss and cuts.",
        discussion: """
            A robot whose hosts.NAME.address and port are the relay's reaches its policy through it. A lost segment \
            holds up what follows for 200 ms, as TCP's retransmission timeout does.

            Lines on standard input change the network; each is answered with 'ok' or what is wrong with it. When a \
            pipe there ends, so does the relay.

              delay MS        bytes are MS milliseconds on their way, each way
              loss PERCENT    so many segments of 1448 bytes are lost at first
              rate MBIT       so many megabits pass in a second, each way (0: as many as come)
              cut             nothing passes and nothing is lost, as while a cable is pulled
              blackhole       everything is taken and nothing passes; such connections never come back
              close           connections are reset, and new ones refused
              restore         all passes again
              count           says how many connections there are, and how many segments were lost
            """)

    @Option(help: "Listen at this IPv4 address and port; port 0: any.", transform: Self.address)
    var listen: RelayAddress

    @Option(help: "Forward to this IPv4 address and port.", transform: Self.address)
    var to: RelayAddress

    @Option(help: "Keep bytes for so many milliseconds, each way.")
    var delay = 0.0

    @Option(help: "Lose so many of a hundred segments at first.")
    var loss = 0.0

    @Option(help: "Let so many megabits pass in a second, each way; 0: as many as come.")
    var rate = 0.0

    @Option(help: "Draw the loss from this seed.")
    var seed: UInt64 = 1

    private static func address(_ text: String) throws -> RelayAddress {
        guard let address = RelayAddress(text) else {
            throw ValidationError("found '\(text)', give an IPv4 address with its port, as in 127.0.0.1:7400.")
        }
        return address
    }

    func validate() throws {
        guard to.port != 0 else { throw ValidationError("--to: give the port that programs listen at.") }
        for (name, value, most) in [("delay", delay, 60_000), ("loss", loss, 100), ("rate", rate, 1e6)] {
            guard (0...most).contains(value) else { throw ValidationError("--\(name): give 0 to \(Int(most)).") }
        }
    }

    func run() throws {
        let conditions = RelayConditions(
            delay: .fromSeconds(delay * 1e-3), loss: loss / 100, bytesPerSecond: rate == 0 ? nil : rate * 1e6 / 8)
        let relay = try TCPRelay(listening: listen, to: to, conditions: conditions, seed: seed)
        Terminal.say("\(relay.address) -> \(relay.target)")
        var input: Int32 = STDIN_FILENO
        var text: [UInt8] = []
        while true {
            guard try working({ try relay.turn(alsoOn: input) }) else { continue }
            var bytes = [UInt8](repeating: 0, count: 4_096)
            let count = read(input, &bytes, bytes.count)
            if count > 0 {
                text += bytes[..<count]
            } else if Self.isPipe(input) {
                // Whoever gave orders is gone, and may have been killed.
                return
            } else {
                input = -1
            }
            while let end = text.firstIndex(of: UInt8(ascii: "\n")) {
                Terminal.say(try obey(String(decoding: text[..<end], as: UTF8.self), relay))
                text.removeSubrange(...end)
            }
            if text.count > 4_096 { text = [] }
        }
    }

    /// fstat(2).
    private static func isPipe(_ descriptor: Int32) -> Bool {
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
    }

    /// - Returns: the answer.
    private func obey(_ line: String, _ relay: TCPRelay) throws -> String {
        switch RelayOrder(line) {
        case .delay(let delay): relay.conditions.delay = delay
        case .loss(let share): relay.conditions.loss = share
        case .rate(let rate): relay.conditions.bytesPerSecond = rate
        case .pass(let passage): try working { try relay.set(passage) }
        case .count: return "ok \(relay.connectionCount) connections, \(relay.lostSegments) segments lost"
        case nil: return "'\(line)' is no order: see octo-bench relay --help"
        }
        return "ok"
    }
}
