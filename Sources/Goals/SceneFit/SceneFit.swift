import Images

/// Whether a goal image fits what the camera sees now, in numbers and in words.
///
/// The policy compares goal and view pixel by pixel. So what must be the same is the camera's place, the light, and all
/// of the scene that the task does not change; what the task moves, and the arm, may be elsewhere.
package struct SceneFit: Equatable, Sendable {
    /// How well the goal fits; the worse is the greater.
    package enum Verdict: String, CaseIterable, Comparable, Sendable {
        case green
        case amber
        case red

        package static func < (a: Self, b: Self) -> Bool {
            (allCases.firstIndex(of: a) ?? 0) < (allCases.firstIndex(of: b) ?? 0)
        }
    }

    /// One thing that keeps the fit from being green.
    package struct Reason: Equatable, Sendable {
        package var verdict: Verdict
        /// A sentence without its end: "camera moved 7 px right".
        package var text: String
    }

    /// What is known of the goal besides its pixels.
    package struct Circumstances: Equatable, Sendable {
        /// Time since the goal was taken, seconds; nil when nobody knows.
        package var age: Double?
        /// Whether the goal was taken by the device that looks now; nil: nobody knows.
        package var isSameCamera: Bool?
        /// What the camera is set to otherwise than then, in words: "exposure 157 then, 300 now".
        package var changedSettings: [String]
        /// The camera's calibration file is another than then; nil: nobody knows.
        package var isOtherCalibration: Bool?
        /// The camera rides on the arm: that its view has changed is as it should be.
        package var ridesOnArm: Bool

        package init(
            age: Double? = nil, isSameCamera: Bool? = nil, changedSettings: [String] = [],
            isOtherCalibration: Bool? = nil,
            ridesOnArm: Bool = false
        ) {
            self.ridesOnArm = ridesOnArm
            self.age = age
            self.isSameCamera = isSameCamera
            self.changedSettings = changedSettings
            self.isOtherCalibration = isOtherCalibration
        }
    }

    /// Motion of the live picture, in pixels of the frames as they were given.
    package let motion: PictureMotion
    /// live = gain · goal + offset; brightness of 255.
    package let gain: Double
    /// Offset of the live picture's brightness, of 255.
    package let offset: Double
    /// Brightness of the live picture, as a share of the goal's: 0.6 is 40 % darker.
    package let brightness: Double
    /// Share of the picture that shows the same, once moved and lit alike.
    package let agreement: Double
    /// Share of the goal that the live picture shows at all.
    package let overlap: Double
    package let reasons: [Reason]

    package var verdict: Verdict { reasons.map(\.verdict).max() ?? .green }

    /// Pictures are compared at no more than this width, pixels: what is finer says nothing more about the camera's
    /// place.
    private static let largestWidth = 160

    /// The values from which on something is amber, and red. Infinite: never.
    package struct Limits: Equatable, Sendable {
        /// The values from which on something is amber, and red.
        package struct Pair: Equatable, Sendable {
            package var amber: Double
            package var red: Double

            package init(amber: Double, red: Double) {
                self.amber = amber
                self.red = red
            }
        }

        /// How far the picture went, as a share of its width.
        package var shift: Pair
        /// Turn of the picture, degrees, either way.
        package var rotation: Pair
        /// Change of the picture's size, larger or smaller, as a share of 1.
        package var scale: Pair
        /// Change of the brightness, brighter or darker, as a share of 1.
        package var light: Pair

        /// Limits for a policy of which nothing was measured. Shifts are 2 and 6 of 256 pixels: a policy that was
        /// trained with crops of up to 10 % bears the first; the second puts one thing where another was.
        package static let usual = Limits(
            shift: Pair(amber: 2.0 / 256, red: 6.0 / 256), rotation: Pair(amber: 1, red: 2.5),
            scale: Pair(amber: 0.015, red: 0.04), light: Pair(amber: 0.15, red: 0.35))
    }

    /// Limits of what no policy was measured for.
    private enum Limit {
        static let agreement = (amber: 0.72, red: 0.45)
        static let colour = (amber: 0.75, red: 0.5)
        /// Ratio of the two pictures' colour strengths, below which one of them is as good as grey.
        static let strength = 0.35
        static let identical = 0.997
        static let days = 1.0
    }

    /// Compares a goal's picture with the live one.
    /// - Parameters:
    ///   - mask: discs, in pixels of the pictures, that cover what is known to have moved: an arm whose pose is known.
    ///   - limits: limits of the policy that will be given the goal.
    package init(
        goal: RGBImage, live: RGBImage, _ circumstances: Circumstances = .init(), mask: PictureMask = .init(),
        limits: Limits = .usual
    ) {
        guard goal.width == live.width, goal.height == live.height, min(goal.width, goal.height) >= 64 else {
            (motion, gain, offset, brightness, agreement, overlap) = (PictureMotion(), 1, 0, 1, 0, 0)
            let problem =
                goal.width == live.width && goal.height == live.height
                ? "the pictures are too small to compare: \(goal.width)x\(goal.height)"
                : "the goal is \(goal.width)x\(goal.height), the camera delivers \(live.width)x\(live.height)"
            reasons = [Reason(verdict: .red, text: problem)]
            return
        }
        var (a, b) = (GreyImage(goal), GreyImage(live))
        var factor = 1.0
        while a.width > Self.largestWidth {
            (a, b) = (a.halved, b.halved)
            factor *= 2
        }
        let alignment = PictureAlignment(
            goal: a, live: b, hidden: mask.covered(width: a.width, height: a.height, factor: factor))
        motion = PictureMotion(
            shift: alignment.motion.shift * factor, rotation: alignment.motion.rotation, scale: alignment.motion.scale)
        gain = alignment.gain
        offset = alignment.offset
        agreement = alignment.agreement
        overlap = alignment.overlap
        brightness = Self.brightness(alignment, a)
        let found = Self.reasons(
            motion, brightness: brightness, agreement: agreement, width: goal.width, limits, circumstances)
        // Places of which one has gone elsewhere have other colours, whatever the channels are.
        let isMoved = Self.reasons(motion, width: goal.width, limits).contains { $0.verdict == .red }
        let colours = ColourAgreement(goal: goal, live: live)
        let reason = circumstances.ridesOnArm || isMoved && !colours.isSwapped ? nil : Self.reason(colours)
        reasons = found + (reason.map { [$0] } ?? [])
    }

    /// How bright the live picture is, as a share of the goal: of the goal's middle brightness, with the offset.
    private static func brightness(_ alignment: PictureAlignment, _ goal: GreyImage) -> Double {
        let mean = Double(goal.values.reduce(0, +)) / Double(goal.values.count)
        return mean > 1 ? (alignment.gain * mean + alignment.offset) / mean : 1
    }

    private static func reasons(
        _ motion: PictureMotion, brightness: Double, agreement: Double, width: Int, _ limits: Limits,
        _ circumstances: Circumstances
    ) -> [Reason] {
        var reasons: [Reason] = []
        if circumstances.isSameCamera == false {
            reasons.append(Reason(verdict: .red, text: "taken with another camera"))
        }
        if circumstances.ridesOnArm { return reasons + remarks(on: circumstances) }
        // Where hardly anything agrees, there is nothing that could have moved.
        if agreement < Limit.agreement.red {
            let share = Int((100 * (1 - agreement)).rounded())
            return reasons + [Reason(verdict: .red, text: "another scene: \(share) % of the picture differs")]
                + remarks(on: circumstances)
        }
        reasons += Self.reasons(motion, width: width, limits)
        let change = brightness - 1
        reasons += judged(
            abs(change), limits.light,
            "\(Int((100 * abs(change)).rounded())) % \(change < 0 ? "darker" : "brighter") than when the goal was taken"
        )
        if agreement < Limit.agreement.amber {
            let share = Int((100 * (1 - agreement)).rounded())
            reasons.append(
                Reason(verdict: .amber, text: "\(share) % of the picture differs: more than an arm and what it moves"))
        }
        if agreement > Limit.identical, (motion.shift * motion.shift).sum() < 0.5 * 0.5 {
            reasons.append(Reason(verdict: .amber, text: "the goal is the present scene: there is nothing to do"))
        }
        return reasons + remarks(on: circumstances)
    }

    /// Reasons for which the camera's place, turn or distance is another than the goal's.
    private static func reasons(_ motion: PictureMotion, width: Int, _ limits: Limits) -> [Reason] {
        let distance = (motion.shift * motion.shift).sum().squareRoot()
        let degrees = motion.rotation * 180 / .pi
        let growth = motion.scale - 1
        return judged(
            distance / Double(width), limits.shift, "camera moved: the picture went \(words(for: motion.shift))")
            + judged(
                abs(degrees), limits.rotation,
                "camera turned: the picture by \(tenths(abs(degrees)))° "
                    + "\(degrees > 0 ? "clockwise" : "counter-clockwise")"
            )
            + judged(
                abs(growth), limits.scale,
                "camera \(growth > 0 ? "nearer" : "farther"): the picture is \(tenths(abs(100 * growth))) % "
                    + "\(growth > 0 ? "larger" : "smaller")"
            )
    }

    private static func judged(_ value: Double, _ limit: Limits.Pair, _ text: String) -> [Reason] {
        value >= limit.amber ? [Reason(verdict: value >= limit.red ? .red : .amber, text: text)] : []
    }

    private static func reason(_ colours: ColourAgreement) -> Reason? {
        guard let agreement = colours.agreement else { return nil }
        if colours.strength < Limit.strength {
            return Reason(verdict: .red, text: "the goal has hardly any colour, the camera sees some")
        }
        if colours.strength > 1 / Limit.strength {
            return Reason(verdict: .red, text: "the camera sees hardly any colour, the goal has some")
        }
        guard agreement < Limit.colour.amber else { return nil }
        return Reason(
            verdict: agreement < Limit.colour.red || colours.isSwapped ? .red : .amber,
            text: colours.isSwapped
                ? "other colours than the goal: red and blue are in each other's place"
                : "other colours than the goal: \(Int((100 * (1 - max(0, agreement))).rounded())) % of them differ")
    }

    private static func remarks(on circumstances: Circumstances) -> [Reason] {
        var texts = circumstances.changedSettings
        if circumstances.isOtherCalibration == true { texts.append("taken with another camera calibration") }
        if let age = circumstances.age, age >= Limit.days * 86_400 {
            let days = Int(age / 86_400)
            texts.append("the goal is \(days) \(days == 1 ? "day" : "days") old")
        }
        return texts.map { Reason(verdict: .amber, text: $0) }
    }

    private static func words(for shift: SIMD2<Double>) -> String {
        var parts: [String] = []
        if abs(shift.x) >= 0.5 { parts.append("\(Int(abs(shift.x).rounded())) px \(shift.x > 0 ? "right" : "left")") }
        if abs(shift.y) >= 0.5 { parts.append("\(Int(abs(shift.y).rounded())) px \(shift.y > 0 ? "down" : "up")") }
        return parts.joined(separator: " and ")
    }

    private static func tenths(_ value: Double) -> Double { (value * 10).rounded() / 10 }
}
