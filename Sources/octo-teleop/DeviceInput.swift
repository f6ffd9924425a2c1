import ArgumentParser
import Foundation
import Geometry
import Teleop
import Time

/// What an operator holds in the hand.
enum DeviceKind: String, CaseIterable {
    case keyboard
    case gamepad
    case joystick
    case spacemouse
    case leader
}

/// A device on the command line: `auto`, `keyboard`, a path, or a kind and a path (`gamepad:/tmp/pipe`).
struct DeviceChoice: Equatable, ExpressibleByArgument {
    var kind: DeviceKind?
    var path: String?

    init?(argument: String) {
        if argument == "auto" { return }
        if argument == "keyboard" {
            kind = .keyboard
            return
        }
        if let colon = argument.firstIndex(of: ":"), let kind = DeviceKind(rawValue: String(argument[..<colon])), kind != .keyboard {
            self.kind = kind
            let rest = String(argument[argument.index(after: colon)...])
            guard !rest.isEmpty else { return nil }
            path = rest
            return
        }
        guard let found = Self.kind(ofPath: argument) else { return nil }
        (kind, path) = (found, argument)
    }

    init() {}

    static func kind(ofPath path: String) -> DeviceKind? {
        let name = path.split(separator: "/").last ?? ""
        if name.hasPrefix("event") { return .gamepad }
        if name.hasPrefix("js") { return .joystick }
        if name.hasPrefix("hidraw") { return .spacemouse }
        if name.hasPrefix("tty") { return .leader }
        return nil
    }
}

/// A device that is plugged in.
struct FoundDevice {
    var kind: DeviceKind
    var path: String
    var name: String
    var isReadable: Bool

    /// 3Dconnexion, and Logitech's products that are SpaceMice.
    private static let spaceMice: [(vendor: Int, products: Set<Int>?)] = [
        (0x256f, nil), (0x046d, [0xc625, 0xc626, 0xc627, 0xc629, 0xc62b]),
    ]

    /// All that could move an arm, by the kernel's own lists.
    static func all() -> [FoundDevice] {
        var found: [FoundDevice] = []
        for node in names(in: "/sys/class/hidraw") {
            let text = (try? String(contentsOfFile: "/sys/class/hidraw/\(node)/device/uevent", encoding: .utf8)) ?? ""
            guard isSpaceMouse(value("HID_ID", in: text)) else { continue }
            found.append(.init(kind: .spacemouse, path: "/dev/\(node)", name: value("HID_NAME", in: text)))
        }
        for node in names(in: "/sys/class/input") where node.hasPrefix("event") {
            let folder = "/sys/class/input/\(node)/device"
            let name = (try? String(contentsOfFile: folder + "/name", encoding: .utf8))?.trimmingCharacters(in: .whitespacesAndNewlines)
            // BTN_SOUTH, 0x130, in the bits of its keys: what has it is a gamepad.
            let keys = (try? String(contentsOfFile: folder + "/capabilities/key", encoding: .utf8)) ?? ""
            guard hasBit(0x130, in: keys) else { continue }
            found.append(.init(kind: .gamepad, path: "/dev/input/\(node)", name: name ?? "gamepad"))
        }
        return found
    }

    private init(kind: DeviceKind, path: String, name: String) {
        (self.kind, self.path, self.name) = (kind, path, name)
        isReadable = access(path, R_OK) == 0
    }

    private static func names(in folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted { $0.count == $1.count ? $0 < $1 : $0.count < $1.count }
    }

    private static func value(_ key: String, in text: String) -> String {
        text.split(separator: "\n").first { $0.hasPrefix(key + "=") }.map { String($0.dropFirst(key.count + 1)) } ?? ""
    }

    /// - Parameter id: bus:vendor:product, hexadecimal.
    private static func isSpaceMouse(_ id: String) -> Bool {
        let parts = id.split(separator: ":").compactMap { Int($0, radix: 16) }
        guard parts.count == 3 else { return false }
        return spaceMice.contains { $0.vendor == parts[1] && $0.products?.contains(parts[2]) ?? true }
    }

    /// - Parameter text: words of 64 bits, hexadecimal, the highest first.
    private static func hasBit(_ bit: Int, in text: String) -> Bool {
        let words = text.split(whereSeparator: \.isWhitespace).compactMap { UInt64($0, radix: 16) }
        let index = words.count - 1 - bit / 64
        return words.indices.contains(index) && words[index] >> UInt64(bit % 64) & 1 == 1
    }

    /// What lets an ordinary user read it.
    var remedy: String {
        switch kind {
        case .spacemouse:
            "as root: echo 'SUBSYSTEM==\"hidraw\", ATTRS{idVendor}==\"256f\", TAG+=\"uaccess\"' > "
                + "/etc/udev/rules.d/70-spacemouse.rules; udevadm control --reload; then plug it in anew"
        default: "as root: usermod -aG input \(NSUserName()), then log in anew"
        }
    }
}

/// A device with axes: bytes in, readings out.
struct DeviceInput {
    enum Failure: Error, CustomStringConvertible {
        case unopened(path: String, errno: Int32, remedy: String)
        case lost(path: String, errno: Int32)

        var description: String {
            switch self {
            case .unopened(let path, let errno, let remedy):
                "opening the device \(path): \(String(cString: strerror(errno))), expected to read it. \(remedy)"
            case .lost(let path, let errno):
                "the device \(path) is gone (\(errno == 0 ? "end of input" : String(cString: strerror(errno)))): the arm holds"
            }
        }
    }
    private enum Decoder {
        case gamepad(EventDecoder, Gamepad)
        case joystick(JoystickDecoder, Gamepad)
        /// Of a pipe, reports have no borders.
        case spaceMouse(SpaceMouseDecoder, carry: [UInt8], isDevice: Bool)
    }
    let path: String
    let kind: DeviceKind
    let descriptor: Int32
    private var decoder: Decoder

    /// - Throws: `Failure`. open(2).
    init(_ kind: DeviceKind, path: String) throws(Failure) {
        self.path = path
        self.kind = kind
        descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else {
            let known = FoundDevice.all().first { $0.path == path }
            let remedy = errno == EACCES ? known?.remedy ?? "See 'octo-teleop devices'." : "See 'octo-teleop devices' for what is there."
            throw .unopened(path: path, errno: errno, remedy: remedy)
        }
        var status = stat()
        let isDevice = fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFCHR
        switch kind {
        case .gamepad: decoder = .gamepad(EventDecoder(), Gamepad(ranges: Self.ranges(descriptor)))
        case .joystick: decoder = .joystick(JoystickDecoder(), Gamepad())
        case .spacemouse, .keyboard, .leader: decoder = .spaceMouse(SpaceMouseDecoder(), carry: [], isDevice: isDevice)
        }
    }

    /// Reports all the time while it is off its middle.
    var needsReports: Bool { kind == .spacemouse }

    /// What has arrived.
    /// - Throws: `.lost` when it was unplugged.
    mutating func read() throws(Failure) -> [DeviceReading] {
        var readings: [DeviceReading] = []
        var buffer = [UInt8](repeating: 0, count: 1_536)
        while readings.count < 256 {
            let count = Foundation.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { break }
            guard count > 0 else { throw .lost(path: path, errno: count < 0 ? errno : 0) }
            readings += take(Array(buffer[..<count]))
        }
        return readings
    }

    private mutating func take(_ bytes: [UInt8]) -> [DeviceReading] {
        switch decoder {
        case .gamepad(var events, var pad):
            let losses = events.losses
            let new = events.receive(bytes)
            var readings: [DeviceReading] = events.losses > losses ? [pad.forget()] : []
            readings += pad.receive(new)
            decoder = .gamepad(events, pad)
            return readings
        case .joystick(var events, var pad):
            let readings = pad.receive(events.receive(bytes))
            decoder = .joystick(events, pad)
            return readings
        case .spaceMouse(var mouse, var carry, let isDevice):
            // A device gives one report a read, whatever its length.
            var reports = [bytes]
            if !isDevice {
                carry += bytes
                reports = SpaceMouseDecoder.reports(in: &carry, isCombined: false)
            }
            let readings = reports.compactMap { mouse.receive($0) }
            decoder = .spaceMouse(mouse, carry: carry, isDevice: isDevice)
            return readings
        }
    }

    /// EVIOCGABS of each axis; none of what is no input device. linux/input.h.
    private static func ranges(_ descriptor: Int32) -> [UInt16: Gamepad.AxisRange] {
        var ranges: [UInt16: Gamepad.AxisRange] = [:]
        for code in [0, 1, 2, 3, 4, 5, 0x10, 0x11] as [UInt16] {
            // value, minimum, maximum, fuzz, flat, resolution
            var information = [Int32](repeating: 0, count: 6)
            let answer = ioctl(descriptor, 0x8018_4540 + UInt(code), &information)
            guard answer == 0 else { continue }
            ranges[code] = .init(minimum: Int(information[1]), maximum: Int(information[2]), flat: Int(information[4]))
        }
        return ranges
    }

    func close() { Foundation.close(descriptor) }
}
