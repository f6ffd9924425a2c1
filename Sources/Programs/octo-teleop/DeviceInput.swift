import ArgumentParser
import Foundation
import Maths
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
struct DeviceChoice: Equatable {
    var kind: DeviceKind?
    var path: String?

    /// Reads a device's name from the command line.
    /// - Throws: `ValidationError` for a device that is none of those.
    init(argument: String) throws {
        if argument == "auto" { return }
        // Standard input has keys, whatever it is.
        if argument == "keyboard" || argument == "-" {
            kind = .keyboard
            return
        }
        if let colon = argument.firstIndex(of: ":"), let kind = DeviceKind(rawValue: String(argument[..<colon])),
            kind != .keyboard
        {
            self.kind = kind
            let rest = String(argument[argument.index(after: colon)...])
            guard !rest.isEmpty else { throw ValidationError("--device \(argument): expected a path after the colon.") }
            path = rest
            return
        }
        // Names that stay, as in /dev/input/by-id, are links.
        let target = URL(fileURLWithPath: argument).resolvingSymlinksInPath().path
        guard let found = Self.kind(ofPath: argument) ?? Self.kind(ofPath: target) else {
            throw ValidationError(
                "--device \(argument): expected auto, keyboard, a path such as /dev/input/event5, js0, hidraw0 or "
                    + "ttyUSB0, or KIND:PATH with gamepad, joystick, spacemouse or leader. 'octo-teleop devices' "
                    + "lists what is there."
            )
        }
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
    /// Vendor number of a SpaceMouse as USB has it; 0 where it does not matter.
    var vendor = 0
    var product = 0

    /// Vendors of SpaceMice with their products: 3Dconnexion's all, and those of Logitech's that are some.
    private static let spaceMice: [(vendor: Int, products: Set<Int>?)] = [
        (0x256f, nil), (0x046d, [0xc625, 0xc626, 0xc627, 0xc629, 0xc62b]),
    ]

    /// Finds all that could move an arm, by the kernel's own lists.
    static func all() -> [FoundDevice] {
        var found: [FoundDevice] = []
        for node in names(in: "/sys/class/hidraw") {
            let text = (try? String(contentsOfFile: "/sys/class/hidraw/\(node)/device/uevent", encoding: .utf8)) ?? ""
            guard let id = spaceMouse(value("HID_ID", in: text)) else { continue }
            var device = FoundDevice(kind: .spacemouse, path: "/dev/\(node)", name: value("HID_NAME", in: text))
            (device.vendor, device.product) = id
            found.append(device)
        }
        for node in names(in: "/sys/class/input") where node.hasPrefix("event") {
            let folder = "/sys/class/input/\(node)/device"
            let name = (try? String(contentsOfFile: folder + "/name", encoding: .utf8))?.trimmingCharacters(
                in: .whitespacesAndNewlines)
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
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted {
            $0.count == $1.count ? $0 < $1 : $0.count < $1.count
        }
    }

    private static func value(_ key: String, in text: String) -> String {
        text.split(separator: "\n").first { $0.hasPrefix(key + "=") }.map { String($0.dropFirst(key.count + 1)) } ?? ""
    }

    /// Recognises a SpaceMouse.
    /// - Parameter id: bus, vendor and product as bus:vendor:product, hexadecimal.
    /// - Returns: vendor and product; nil for another device.
    private static func spaceMouse(_ id: String) -> (Int, Int)? {
        let parts = id.split(separator: ":").compactMap { Int($0, radix: 16) }
        guard parts.count == 3,
            spaceMice.contains(where: { $0.vendor == parts[1] && $0.products?.contains(parts[2]) ?? true })
        else { return nil }
        return (parts[1], parts[2])
    }

    /// Whether a bit is set in a mask as sysfs writes it.
    /// - Parameter text: the mask: words of 64 bits, hexadecimal, the highest first.
    private static func hasBit(_ bit: Int, in text: String) -> Bool {
        let words = text.split(whereSeparator: \.isWhitespace).compactMap { UInt64($0, radix: 16) }
        let index = words.count - 1 - bit / 64
        return words.indices.contains(index) && words[index] >> UInt64(bit % 64) & 1 == 1
    }

    /// Words for what lets an ordinary user read it.
    var remedy: String {
        switch kind {
        case .spacemouse:
            // With the product: the vendor of the older ones makes keyboards too, which not everybody may read.
            "as root: echo 'SUBSYSTEM==\"hidraw\", ATTRS{idVendor}==\"\(Self.digits(vendor))\", "
                + "ATTRS{idProduct}==\"\(Self.digits(product))\", TAG+=\"uaccess\"' >> "
                + "/etc/udev/rules.d/70-spacemouse.rules; udevadm control --reload; then plug it in anew"
        default: "as root: usermod -aG input \(NSUserName()), then log in anew"
        }
    }
}

extension FoundDevice {
    /// An id as udev writes it: four hexadecimal digits.
    private static func digits(_ id: Int) -> String {
        let text = String(id, radix: 16)
        return String(repeating: "0", count: max(0, 4 - text.count)) + text
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
                "the device \(path) is gone (\(errno == 0 ? "end of input" : String(cString: strerror(errno)))): the "
                    + "arm holds"
            }
        }
    }
    private enum Decoder {
        case gamepad(EventDecoder, Gamepad)
        case joystick(JoystickDecoder, Gamepad)
        /// A SpaceMouse; out of a pipe, reports have no borders.
        case spaceMouse(SpaceMouseDecoder, carry: [UInt8], isDevice: Bool)
    }
    let path: String
    let kind: DeviceKind
    let descriptor: Int32
    private var decoder: Decoder
    /// Period in which a device whose switch is held is asked how it really is: events may be lost, and so may it.
    private static let probePeriod = Duration.milliseconds(100)
    private var nextProbe = MonotonicTime.zero

    /// Opens an input device.
    /// - Parameter deadMan: what counts as a SpaceMouse's dead-man switch.
    /// - Throws: `Failure`. open(2).
    init(_ kind: DeviceKind, path: String, deadMan: SpaceMouseDecoder.DeadMan) throws(Failure) {
        self.path = path
        self.kind = kind
        descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else {
            let known = FoundDevice.all().first { $0.path == path }
            let remedy =
                errno == EACCES
                ? known?.remedy ?? "See 'octo-teleop devices'." : "See 'octo-teleop devices' for what is there."
            throw .unopened(path: path, errno: errno, remedy: remedy)
        }
        var status = stat()
        let isDevice = fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFCHR
        switch kind {
        case .gamepad: decoder = .gamepad(EventDecoder(), Gamepad(ranges: InputQueries.ranges(descriptor)))
        case .joystick: decoder = .joystick(InputQueries.joystick(descriptor), Gamepad())
        case .spacemouse, .keyboard, .leader:
            decoder = .spaceMouse(SpaceMouseDecoder(deadMan: deadMan), carry: [], isDevice: isDevice)
        }
    }

    /// Whether it reports all the time while it is off its middle.
    var needsReports: Bool { kind == .spacemouse }

    /// Reads what has arrived.
    /// - Throws: `.lost` when it was unplugged.
    mutating func read(at now: MonotonicTime) throws(Failure) -> [DeviceReading] {
        var readings: [DeviceReading] = []
        var buffer = [UInt8](repeating: 0, count: 1_536)
        while readings.count < 256 {
            let count = Foundation.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { break }
            if count <= 0 {
                let reason = count < 0 ? errno : 0
                // What was said before the end counts: it may be an emergency stop. The end is met again at the next
                // call.
                if !readings.isEmpty { break }
                throw .lost(path: path, errno: reason)
            }
            readings += take(Array(buffer[..<count]), at: now)
        }
        if readings.isEmpty, let reading = try probe(at: now) { readings.append(reading) }
        return readings
    }

    /// Asks a gamepad whose switch is held how it really is, at times.
    /// - Returns: the device's state where that is not what its events said; else nil.
    /// - Throws: `.lost` when it is there no more.
    private mutating func probe(at now: MonotonicTime) throws(Failure) -> DeviceReading? {
        guard case .gamepad(let events, var pad) = decoder, pad.isSwitchHeld, now >= nextProbe else { return nil }
        nextProbe = now + Self.probePeriod
        switch InputQueries.held(descriptor) {
        case .failure(let refusal):
            if refusal.isGone { throw .lost(path: path, errno: refusal.errno) }
            // A pipe has no state.
            return nil
        case .success(let held):
            let reading = pad.verify(held: held, axes: InputQueries.values(descriptor))
            decoder = .gamepad(events, pad)
            return reading
        }
    }

    private mutating func take(_ bytes: [UInt8], at now: MonotonicTime) -> [DeviceReading] {
        switch decoder {
        case .gamepad(var events, var pad):
            var readings = pad.receive(events.receive(bytes))
            if pad.needsState {
                // What does not tell has nothing held.
                let held: Set<UInt16> =
                    switch InputQueries.held(descriptor) {
                    case .success(let codes): codes
                    case .failure: []
                    }
                readings.append(pad.resynchronise(held: held, axes: InputQueries.values(descriptor)))
            }
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
            let readings = reports.compactMap { mouse.receive($0, at: now) }
            decoder = .spaceMouse(mouse, carry: carry, isDevice: isDevice)
            return readings
        }
    }

    func close() { Foundation.close(descriptor) }
}
