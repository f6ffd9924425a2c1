import Files
import Images
import SceneFit
import TestSupport
import Testing

@Suite struct SceneFitTests {
    private let scene = TestScene(seed: 7)

    private func fit(_ live: RGBImage, _ circumstances: SceneFit.Circumstances = .init()) -> SceneFit {
        SceneFit(goal: scene.picture(noise: 2), live: live, circumstances)
    }

    @Test func theSameSceneWithSomethingElsewhereIsGreen() {
        var before = scene
        before.add(at: [40, 90], size: 20)
        var after = scene
        after.add(at: [110, 60], size: 20)
        let fit = SceneFit(goal: before.picture(noise: 2), live: after.picture(noise: 2, seed: 9))
        #expect(fit.verdict == .green, "\(fit.reasons)")
        #expect((fit.motion.shift * fit.motion.shift).sum() < 0.1)
        #expect(fit.agreement > 0.8)
    }

    @Test func nothingToDoIsSaid() {
        let fit = fit(scene.picture(noise: 2, seed: 3))
        #expect(fit.verdict == .amber)
        #expect(fit.reasons.map(\.text) == ["the goal is the present scene: there is nothing to do"])
    }

    @Test(arguments: [SIMD2(7.0, 0.0), SIMD2(-7.4, 3.2), SIMD2(2.0, -9.5), SIMD2(-11.0, 11.0)])
    func aCameraThatMovedIsRedWithItsWay(_ shift: SIMD2<Double>) {
        let fit = fit(scene.picture(shift: shift, noise: 2, seed: 3))
        let error = fit.motion.shift - shift
        #expect((error * error).sum() < 0.5 * 0.5, "\(fit.motion)")
        #expect(fit.verdict == .red)
        let words = fit.reasons.first?.text ?? ""
        #expect(words.hasPrefix("camera moved: the picture went "))
        #expect(words.contains("\(Int(abs(shift.x).rounded())) px \(shift.x > 0 ? "right" : "left")"))
        if shift.y != 0 { #expect(words.contains("\(Int(abs(shift.y).rounded())) px \(shift.y > 0 ? "down" : "up")")) }
    }

    /// A picture that went about 8 of 160 pixels: red by the usual limits, amber or green by a policy's own.
    @Test func theVerdictFollowsThePolicysLimits() {
        let (goal, live) = (scene.picture(noise: 2), scene.picture(shift: [8, 0], noise: 2, seed: 3))
        #expect(SceneFit(goal: goal, live: live).verdict == .red)
        let share = 8.0 / Double(goal.width)
        var limits = SceneFit.Limits.usual
        limits.shift = .init(amber: 0.5 * share, red: 2 * share)
        #expect(SceneFit(goal: goal, live: live, limits: limits).verdict == .amber)
        limits.shift = .init(amber: 1.5 * share, red: .infinity)
        #expect(SceneFit(goal: goal, live: live, limits: limits).verdict == .green)
    }

    @Test func turnAndScaleAreFoundAndNamed() {
        let turned = fit(scene.picture(shift: [3, -2], rotation: 0.06, noise: 2, seed: 3))
        #expect(abs(turned.motion.rotation - 0.06) < 0.004)
        #expect(
            turned.reasons.contains { $0.text == "camera turned: the picture by 3.4° clockwise" }, "\(turned.reasons)")
        let back = fit(scene.picture(rotation: -0.06, noise: 2, seed: 3))
        #expect(back.reasons.contains { $0.text.hasSuffix("counter-clockwise") })
        let nearer = fit(scene.picture(scale: 1.045, noise: 2, seed: 3))
        #expect(abs(nearer.motion.scale - 1.045) < 0.004)
        #expect(nearer.verdict == .red && nearer.reasons.contains { $0.text.hasPrefix("camera nearer: ") })
    }

    @Test func lightIsToldFromMotion() {
        let darker = fit(scene.picture(gain: 0.6, noise: 1, seed: 3))
        #expect(abs(darker.brightness - 0.6) < 0.03)
        #expect(darker.verdict == .red)
        #expect(darker.reasons.contains { $0.text == "40 % darker than when the goal was taken" }, "\(darker.reasons)")
        #expect((darker.motion.shift * darker.motion.shift).sum() < 0.25)
        let brighter = fit(scene.picture(gain: 1.2, noise: 1, seed: 3))
        #expect(brighter.verdict == .amber)
    }

    @Test func anotherSceneIsRedAndSaysSo() {
        let fit = fit(TestScene(seed: 99).picture(noise: 2))
        #expect(fit.verdict == .red)
        #expect(fit.reasons.contains { $0.text.hasPrefix("another scene: ") }, "\(fit.reasons)")
        #expect(
            !fit.reasons.contains { $0.text.hasPrefix("camera moved") }, "where nothing agrees nothing can have moved")
    }

    @Test func whatIsKnownBesidesThePicturesCounts() {
        let live = scene.picture(noise: 2, seed: 3)
        var circumstances = SceneFit.Circumstances(
            age: 3 * 86_400 + 5, isSameCamera: false, changedSettings: ["exposure was 157 then, is 300 now"],
            isOtherCalibration: true)
        let texts = fit(live, circumstances).reasons.map(\.text)
        for words in [
            "taken with another camera", "the goal is 3 days old", "exposure was 157 then, is 300 now",
            "taken with another camera calibration",
        ] { #expect(texts.contains(words)) }
        #expect(fit(live, circumstances).verdict == .red)
        circumstances.isSameCamera = true
        #expect(fit(live, circumstances).verdict == .amber)
        #expect(fit(live, .init(age: 86_399)).reasons.count == 1, "less than a day is no reason")
    }

    @Test func ofACameraOnTheArmOnlyDeviceAndSettingsCount() {
        let elsewhere = TestScene(seed: 99).picture(noise: 2)
        #expect(fit(elsewhere, .init(ridesOnArm: true)).verdict == .green)
        #expect(fit(elsewhere, .init(isSameCamera: false, ridesOnArm: true)).verdict == .red)
        #expect(
            fit(elsewhere, .init(changedSettings: ["gain was 1 then, is 2 now"], ridesOnArm: true)).verdict == .amber)
    }

    /// An arm that fills the middle of the picture, and moved: the camera did not.
    @Test func whatIsKnownToHaveMovedIsLeftOut() {
        func withArm(_ image: RGBImage, _ seed: UInt64) -> RGBImage {
            var generator = SeededGenerator(seed: seed)
            let pixels = SharedBytes(count: image.pixels.count) { (memory) throws(Never) in
                for index in 0..<160 * 160 {
                    let (dx, dy) = (index % 160 - 80, index / 160 - 80)
                    let isArm = dx * dx + dy * dy < 65 * 65
                    for channel in 0..<3 {
                        let background = withExtendedLifetime(image) { image.pixels.bytes[3 * index + channel] }
                        memory[3 * index + channel] = isArm ? .random(in: 0...255, using: &generator) : background
                    }
                }
            }
            return RGBImage(width: 160, height: 160, pixels: pixels)
        }
        let goal = withArm(scene.picture(noise: 1), 1)
        let live = withArm(scene.picture(noise: 1, seed: 5), 2)
        let mask = PictureMask(discs: [.init(centre: [80, 80], radius: 66)])
        #expect(SceneFit(goal: goal, live: live).verdict != .green, "half the picture differs")
        let fit = SceneFit(goal: goal, live: live, mask: mask)
        #expect(fit.agreement > 0.99 && (fit.motion.shift * fit.motion.shift).sum() < 0.01, "\(fit)")
        let pushed = withArm(scene.picture(shift: [6, -8], noise: 1, seed: 5), 2)
        let moved = SceneFit(goal: goal, live: pushed, mask: PictureMask(discs: [.init(centre: [80, 80], radius: 78)]))
        #expect(abs(moved.motion.shift.x - 6) < 0.6 && abs(moved.motion.shift.y + 8) < 0.6, "\(moved.motion)")
        #expect(moved.verdict == .red)
        // One that leaves nothing is none.
        let everything = PictureMask(discs: [.init(centre: [80, 80], radius: 500)])
        #expect(SceneFit(goal: goal, live: goal, mask: everything) == SceneFit(goal: goal, live: goal))
        let odd = PictureMask(discs: [
            .init(centre: [.infinity, 2], radius: 3), .init(centre: [-1e12, 5], radius: 9),
            .init(centre: [3, 3], radius: -1),
        ])
        #expect(SceneFit(goal: goal, live: goal, mask: odd) == SceneFit(goal: goal, live: goal))
    }

    /// A picture whose every pixel is changed.
    private func recoloured(_ picture: RGBImage, _ change: (SIMD3<Double>) -> SIMD3<Double>) -> RGBImage {
        let bytes = picture.pixels.array
        let pixels = stride(from: 0, to: bytes.count, by: 3).flatMap { at in
            let colour = change(SIMD3(Double(bytes[at]), Double(bytes[at + 1]), Double(bytes[at + 2])))
            return (0..<3).map { UInt8(min(max(colour[$0].rounded(), 0), 255)) }
        }
        return RGBImage(width: picture.width, height: picture.height, pixels: SharedBytes(copying: pixels))
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64]) func colourFaultsAreRedAndNamed(seed: UInt64) {
        let scene = TestScene(seed: seed)
        var after = scene
        after.add(at: [110, 60], size: 20)
        let (goal, live) = (scene.picture(noise: 2), after.picture(noise: 2, seed: 9))
        func reasons(_ change: (SIMD3<Double>) -> SIMD3<Double>) -> [SceneFit.Reason] {
            SceneFit(goal: recoloured(goal, change), live: live).reasons
        }
        #expect(reasons { $0 }.isEmpty)
        let swapped = reasons { SIMD3($0.z, $0.y, $0.x) }
        #expect(swapped.contains { $0.verdict == .red && $0.text.contains("red and blue") }, "\(swapped)")
        let grey = reasons { SIMD3(repeating: ($0 * SIMD3(0.3, 0.59, 0.11)).sum()) }
        #expect(
            grey.contains { $0.verdict == .red && $0.text == "the goal has hardly any colour, the camera sees some" })
        let turned = reasons { SIMD3($0.y, $0.z, $0.x) }
        #expect(turned.contains { $0.verdict == .red }, "\(turned)")
        // Warmer light is no fault of the channels.
        #expect(reasons { $0 * SIMD3(1.04, 1, 0.96) }.allSatisfy { !$0.text.contains("colour") })
    }

    @Test func aColouredThingThatWentElsewhereOnAGreyTableIsNoFaultOfColour() {
        func picture(at x: Int) -> RGBImage {
            let pixels = (0..<128).flatMap { row in
                (0..<128).flatMap { column -> [UInt8] in
                    let isBlock = (40..<60).contains(row) && (x..<x + 20).contains(column)
                    let shade = UInt8(90 + (row / 16 + column / 16) % 2 * 60)
                    return isBlock ? [200, 40, 30] : [shade, shade, shade]
                }
            }
            return RGBImage(width: 128, height: 128, pixels: SharedBytes(copying: pixels))
        }
        let fit = SceneFit(goal: picture(at: 20), live: picture(at: 80))
        #expect(fit.reasons.allSatisfy { !$0.text.contains("colour") }, "\(fit.reasons)")
        let blue = recoloured(picture(at: 20)) { SIMD3($0.z, $0.y, $0.x) }
        #expect(SceneFit(goal: blue, live: picture(at: 80)).verdict == .red)
    }

    @Test func picturesThatCannotBeComparedAreRed() {
        let other = SceneFit(
            goal: RGBImage(width: 64, height: 64, filledWith: 9), live: RGBImage(width: 80, height: 64, filledWith: 9))
        #expect(other.verdict == .red && other.reasons[0].text == "the goal is 64x64, the camera delivers 80x64")
        let small = SceneFit(
            goal: RGBImage(width: 32, height: 32, filledWith: 9), live: RGBImage(width: 32, height: 32, filledWith: 9))
        #expect(small.verdict == .red && small.reasons[0].text.contains("too small"))
    }

    /// Black, white, one colour, noise: there is an answer, and every number in it is one.
    @Test func featurelessPicturesGiveFiniteNumbers() {
        var generator = SeededGenerator(seed: 0x5CE_0001)
        let noise = RGBImage.noise(width: 128, height: 128, using: &generator)
        let pictures = [0, 128, 255].map { RGBImage(width: 128, height: 128, filledWith: UInt8($0)) } + [noise]
        for goal in pictures {
            for live in pictures {
                let fit = SceneFit(goal: goal, live: live)
                let numbers = [
                    fit.motion.shift.x, fit.motion.shift.y, fit.motion.rotation, fit.motion.scale, fit.gain, fit.offset,
                    fit.brightness,
                    fit.agreement, fit.overlap,
                ]
                let areFinite = numbers.allSatisfy(\.isFinite)
                #expect(areFinite, "\(numbers)")
            }
        }
    }

    @Test func shiftsAreGivenInPixelsOfTheFramesWhateverTheirSize() {
        // 512 wide: compared at a quarter of that.
        let large = TestScene(seed: 5, blobs: 150)
        let fit = SceneFit(
            goal: large.picture(side: 320, noise: 2),
            live: large.picture(side: 320, shift: [13, -6], noise: 2, seed: 4))
        #expect(abs(fit.motion.shift.x - 13) < 1 && abs(fit.motion.shift.y + 6) < 1, "\(fit.motion)")
    }
}

@Suite struct FitOverlayTests {
    @Test func panelsShowWhatDiffers() throws {
        let scene = TestScene(seed: 3)
        let goal = scene.picture()
        var changed = scene
        changed.add(at: [80, 80])
        let panels = try #require(FitOverlay.panels(goal: goal, live: changed.picture()))
        #expect(panels.count == FitOverlay.panelCount)
        let areLikeTheFrames = panels.allSatisfy { $0.width == 160 && $0.height == 160 }
        #expect(areLikeTheFrames)
        #expect(panels[0] == goal)
        func sum(_ image: RGBImage, _ x: Int, _ y: Int) -> Int {
            let start = (y * image.width + x) * 3
            return withExtendedLifetime(image) { image.pixels.bytes[start..<start + 3].reduce(0) { $0 + Int($1) } }
        }
        #expect(sum(panels[3], 80, 80) > 200, "where it changed it is bright")
        #expect(sum(panels[3], 5, 150) < 30, "elsewhere it is dark")
        let same = FitOverlay.edges(goal, goal)
        withExtendedLifetime(same) {
            #expect(
                (0..<160 * 160).allSatisfy { same.pixels.bytes[3 * $0] == same.pixels.bytes[3 * $0 + 1] },
                "edges that meet are white")
        }
    }

    @Test func picturesOfTwoSizesHaveNoPanels() {
        #expect(
            FitOverlay.panels(
                goal: RGBImage(width: 64, height: 64, filledWith: 1),
                live: RGBImage(width: 65, height: 64, filledWith: 1)) == nil)
    }
}
