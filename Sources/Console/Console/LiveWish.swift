import JSONTree
import Maths
import Teleop

/// What a page asks for over its WebSocket.
enum LiveWish: Equatable {
    /// Which pictures it wants from now on, and how many a second at most.
    case watch(cameras: Set<String>, network: Bool, hertz: Double)
    /// Where the axes under a hand stand, as shares of the full deflection.
    case drive(isDeadManHeld: Bool, linear: Vector3, angular: Vector3)
    case button(DeviceReading.Button)
    /// The page is there, and somebody looks at it.
    case alive

    /// Buttons that a page has; stop and reset are commands of their own, with answers.
    private static let buttons: [DeviceReading.Button] = [.toggleGripper, .home, .faster, .slower, .changeFrame]
    private static let mostHertz = 60.0

    /// Reads a message of a page.
    /// - Returns: nil for what is no such message.
    init?(_ text: String) {
        let node: JSONNode
        do throws(JSONSyntaxError) {
            node = try JSONNode(parsing: text.utf8, maximumDepth: 8)
        } catch {
            return nil
        }
        switch node["type"]?.string {
        case "watch":
            guard let cameras = node["cameras"]?.array, let rate = node["rate_hz"]?.double, rate > 0 else { return nil }
            self = .watch(
                cameras: Set(cameras.prefix(64).compactMap(\.string)), network: node["network"]?.bool ?? false,
                hertz: min(rate, Self.mostHertz))
        case "drive":
            guard let isHeld = node["dead_man"]?.bool else { return nil }
            self = .drive(
                isDeadManHeld: isHeld, linear: Self.shares(node["linear"]) ?? .zero,
                angular: Self.shares(node["angular"]) ?? .zero)
        case "drive_button":
            guard let button = node["button"]?.string.flatMap(DeviceReading.Button.init(rawValue:)),
                Self.buttons.contains(button)
            else { return nil }
            self = .button(button)
        case "alive": self = .alive
        default: return nil
        }
    }

    /// Three shares, each within -1...1.
    private static func shares(_ node: JSONNode?) -> Vector3? {
        guard let numbers = node?.array?.map(\.double), numbers.count == 3 else { return nil }
        let shares = numbers.compactMap { $0.map { min(max($0, -1), 1) } }
        return shares.count == 3 ? Vector3(shares[0], shares[1], shares[2]) : nil
    }
}
