import ServoProtocol

/// A language of servos, as it can be heard on a line; another than the arm's is a common mistake.
package enum ServoTongue: Equatable, Sendable {
    case feetech
    /// Protocol 1.0, and the servo's model number.
    case firstDynamixel(model: Int)
    case secondDynamixel

    package var name: String {
        switch self {
        case .feetech: "Feetech's protocol"
        case .firstDynamixel: "Dynamixel protocol 1.0"
        case .secondDynamixel: "Dynamixel protocol 2.0"
        }
    }

    /// What to do about a servo that speaks it where another is expected.
    package var advice: String {
        switch self {
        case .firstDynamixel(let model) where DynamixelModel(rawValue: model) != nil:
            "Connect the servo alone: 'octo-arm setup --driver dynamixel' sets it to protocol 2.0."
        case .firstDynamixel(let model):
            "Model \(model) knows no other protocol and cannot be driven: only servos of the X series can, such as "
                + "XL430 and XM430."
        case .feetech, .secondDynamixel:
            "The arm's servos are of another maker than its calibration file says: choose the arm's own file, or "
                + "correct servos.protocol in it."
        }
    }
}

extension FeetechClient {
    /// Tells which protocol a servo speaks. Frames of this kind are those of Dynamixel's first protocol too: which it
    /// is, the registers say.
    /// - Returns: nil if the servo does not answer.
    package func tongue(of id: UInt8) throws(ServoPortError) -> ServoTongue? {
        guard try ping(id, tries: 2) != nil else { return nil }
        if try read(.modelNumber, of: id) == FeetechUnit.sts3215 { return .feetech }
        // Where Feetech's firmware stands, Dynamixel has its model number.
        guard let first = try read(.firmwareMajor, of: id), let second = try read(.firmwareMinor, of: id) else {
            return nil
        }
        let model = first | second << 8
        let isKnown = DynamixelModel(rawValue: model) != nil || Self.firstProtocolModels.contains(model)
        return isKnown ? .firstDynamixel(model: model) : .feetech
    }

    /// Model numbers of AX-12A, AX-18A, AX-12W, MX-12W, RX-24F, RX-28, RX-64, EX-106+, MX-28, MX-64, MX-106 and
    /// XL-320's elders.
    private static var firstProtocolModels: [Int] { [12, 18, 300, 360, 24, 28, 64, 107, 29, 310, 320] }

    /// Looks for all of an arm's servos, and lets each answer everything.
    func find(_ ids: [UInt8], port name: String) throws(ServoPortError) -> ServoStartOutcome {
        var found: [UInt8] = []
        for id in ids {
            switch try echo(of: id) {
            case .answer: found.append(id)
            case .damage, .several: return .failed(.sameID(servo: id, port: name))
            case .silence: continue
            }
        }
        guard found == ids else {
            let other = DynamixelClient(port: port, baud: baud)
            for id in ids.filter({ !found.contains($0) }).prefix(1) where try other.ping(id, tries: 2) != nil {
                return .failed(.otherProtocol(servo: id, speaks: .secondDynamixel, expected: .feetech, port: name))
            }
            return .failed(.missing(found: found, expected: ids, port: name))
        }
        for id in ids {
            if let tongue = try tongue(of: id), tongue != .feetech {
                return .failed(.otherProtocol(servo: id, speaks: tongue, expected: .feetech, port: name))
            }
            guard let error = try ping(id) else { continue }
            if !error.isEmpty { return .failed(.hardwareError(servo: id, errors: "\(error)")) }
            if try !answerEverything(id) { return .failed(.answersTooLittle(servo: id)) }
        }
        return .fine
    }
}

extension DynamixelClient {
    /// Looks for all of an arm's servos, and lets each answer everything.
    func find(_ ids: [UInt8], port name: String) throws(ServoPortError) -> ServoStartOutcome {
        var found: [UInt8] = []
        for id in ids {
            switch try echo(of: id) {
            case .answer: found.append(id)
            case .damage, .several: return .failed(.sameID(servo: id, port: name))
            case .silence: continue
            }
        }
        guard found == ids else {
            let other = FeetechClient(port: port, baud: baud)
            for id in ids.filter({ !found.contains($0) }).prefix(1) {
                guard let tongue = try other.tongue(of: id) else { continue }
                return .failed(.otherProtocol(servo: id, speaks: tongue, expected: .secondDynamixel, port: name))
            }
            return .failed(.missing(found: found, expected: ids, port: name))
        }
        for id in ids where try !answerEverything(id) { return .failed(.answersTooLittle(servo: id)) }
        return .fine
    }
}
