import Cameras
import Files
import Images
import Messages
import TestSupport
import Testing
import Time

/// Crop, flip and rotation of pictures, and of a camera's frames.
@Suite struct FrameAdjustmentTests {
    /// Every pixel has its own grey, row by row from 0.
    private func picture(_ width: Int, _ height: Int) -> RGBImage {
        RGBImage(
            width: width, height: height,
            pixels: SharedBytes(copying: (0..<width * height).flatMap { [UInt8($0), UInt8($0), UInt8(255 - $0)] }))
    }

    /// The greys, row by row.
    private func greys(_ image: RGBImage) -> [[UInt8]] {
        (0..<image.height).map { y in (0..<image.width).map { x in image.pixels.bytes[(y * image.width + x) * 3] } }
    }

    private func adjusted(
        _ crop: FrameAdjustment.Crop? = nil, _ flip: FrameAdjustment.Flip? = nil,
        _ rotation: FrameAdjustment.Rotation = .none
    ) -> [[UInt8]] {
        let image = FrameAdjustment(crop: crop, flip: flip, rotation: rotation).apply(to: picture(3, 2))
        // The other channels come along.
        for pixel in 0..<image.width * image.height {
            let bytes = image.pixels.bytes
            #expect(bytes[pixel * 3 + 1] == bytes[pixel * 3] && bytes[pixel * 3 + 2] == 255 - bytes[pixel * 3])
        }
        return greys(image)
    }

    @Test func eachStepDoesWhatItsNameSays() {
        #expect(adjusted() == [[0, 1, 2], [3, 4, 5]])
        #expect(adjusted(.init(x: 1, y: 0, width: 2, height: 2)) == [[1, 2], [4, 5]])
        #expect(adjusted(.init(x: 0, y: 1, width: 3, height: 1)) == [[3, 4, 5]])
        #expect(adjusted(nil, .horizontal) == [[2, 1, 0], [5, 4, 3]])
        #expect(adjusted(nil, .vertical) == [[3, 4, 5], [0, 1, 2]])
        #expect(adjusted(nil, nil, .quarter) == [[3, 0], [4, 1], [5, 2]], "clockwise")
        #expect(adjusted(nil, nil, .half) == [[5, 4, 3], [2, 1, 0]])
        #expect(adjusted(nil, nil, .threeQuarters) == [[2, 5], [1, 4], [0, 3]])
    }

    /// Each combination at once is the same as its steps one after another.
    @Test func croppingComesFirstThenMirroringThenTurning() {
        let crops: [FrameAdjustment.Crop?] = [
            nil, .init(x: 2, y: 1, width: 4, height: 3), .init(x: 0, y: 0, width: 1, height: 5),
        ]
        let flips: [FrameAdjustment.Flip?] = [nil, .horizontal, .vertical]
        let image = picture(7, 5)
        for crop in crops {
            for flip in flips {
                for rotation in FrameAdjustment.Rotation.allCases {
                    let whole = FrameAdjustment(crop: crop, flip: flip, rotation: rotation)
                    let steps = [
                        FrameAdjustment(crop: crop), FrameAdjustment(flip: flip), FrameAdjustment(rotation: rotation),
                    ].reduce(image) { $1.apply(to: $0) }
                    let result = whole.apply(to: image)
                    #expect(result == steps, "\(whole)")
                    #expect(
                        whole.size(width: 7, height: 5).map { [$0.width, $0.height] } == [result.width, result.height])
                }
            }
        }
    }

    @Test func aCropOutsideThePictureHasNoSize() {
        for crop in [
            FrameAdjustment.Crop(x: 5, y: 0, width: 3, height: 1), .init(x: 0, y: 5, width: 1, height: 1),
            .init(x: 0, y: 0, width: 8, height: 1), .init(x: .max, y: 0, width: 1, height: 1),
            .init(x: 1, y: 0, width: .max, height: 1), .init(x: -1, y: 0, width: 1, height: 1),
        ] { #expect(FrameAdjustment(crop: crop).size(width: 7, height: 5) == nil, "\(crop)") }
    }

    // MARK: Cameras

    private func camera(
        _ device: ScriptedV4L2Device, _ encoding: FrameEncoding, _ adjustment: FrameAdjustment,
        intrinsics: CameraCalibration.Intrinsics? = nil
    ) -> AdjustedCamera<V4L2Camera<ScriptedV4L2Device>> {
        AdjustedCamera(
            V4L2Camera(
                .init(
                    name: "wrist", path: "/dev/video0", width: 8, height: 6, rate: Rate(hertz: 30), encoding: encoding),
                device: device),
            calibration: CameraCalibration(adjustment: adjustment, intrinsics: intrinsics))
    }

    private let turned = FrameAdjustment(crop: .init(x: 1, y: 2, width: 4, height: 3), rotation: .quarter)

    @Test(arguments: [FrameEncoding.mjpeg, .yuyv])
    func anAdjustedCameraIsACamera(encoding: FrameEncoding) throws {
        try CameraConformance(
            makeCamera: {
                let device = ScriptedV4L2Device()
                let picture =
                    encoding == .mjpeg
                    ? try RGBImage.waves(width: 8, height: 6, seed: 1).jpegData().array
                    : (0..<48).flatMap { _ in [90, 128] }
                var count: UInt32 = 0
                var isDue = true
                device.whenEmpty = {
                    isDue.toggle()
                    guard isDue else { return nil }
                    count += count % 3 == 2 ? 2 : 1
                    return .init(bytes: picture, sequence: count, stamp: .now() - .microseconds(1))
                }
                return camera(device, encoding, turned)
            },
            makeBroken: {
                (
                    camera(ScriptedV4L2Device(), encoding, .init(crop: .init(x: 5, y: 0, width: 4, height: 6))),
                    .calibration(camera: "wrist", .cropOutside(crop: "cropped to 4x6 at 5,0", width: 8, height: 6))
                )
            },
            frameCount: 12
        ).checkAll()
    }

    @Test func jpegIsDecodedOnlyWhenItMustBe() throws {
        let jpeg = try RGBImage.waves(width: 8, height: 6, seed: 5).jpegData()
        for adjustment in [FrameAdjustment(), turned] {
            let device = ScriptedV4L2Device()
            var camera = camera(device, .mjpeg, adjustment)
            let format = try camera.open(at: .zero)
            device.shots = [.init(bytes: jpeg.array, sequence: 0, stamp: .zero + .milliseconds(1))]
            let frame = try #require(try camera.nextFrame(at: .zero + .milliseconds(2)))
            if adjustment.isNone {
                #expect(frame.pixels == .jpeg(jpeg, width: 8, height: 6) && !format.summary.contains("cropped"))
            } else {
                let decoded = try RGBImage(decoding: jpeg, source: "test")
                #expect(frame.pixels == .rgb8(adjustment.apply(to: decoded)))
                #expect(format.summary.hasSuffix(", cropped to 4x3 at 1,2, rotated by 90 degrees"))
                #expect((format.width, format.height) == (3, 4) && (frame.width, frame.height) == (3, 4))
            }
        }
    }

    /// Frames and goals of another crop do not fit each other: both say how they were made.
    @Test func framesSayHowTheyWereAdjustedAndByWhichFile() throws {
        #expect(FrameAdjustment().frameSettings.isEmpty)
        let all = FrameAdjustment(
            crop: .init(x: 1, y: 2, width: 4, height: 3), flip: .vertical, rotation: .threeQuarters)
        let device = ScriptedV4L2Device()
        var calibration = CameraCalibration(adjustment: all)
        calibration.sha256 = "00ff"
        var camera = AdjustedCamera(
            V4L2Camera(
                .init(name: "wrist", path: "/dev/video0", width: 8, height: 6, rate: Rate(hertz: 30), encoding: .yuyv),
                device: device),
            calibration: calibration)
        _ = try camera.open(at: .zero)
        device.shots = [.init(bytes: [UInt8](repeating: 128, count: 96), sequence: 0, stamp: .zero + .milliseconds(1))]
        let frame = try #require(try camera.nextFrame(at: .zero + .milliseconds(2)))
        #expect(
            frame.settings == [
                .init(name: "crop", value: "4x3+1+2"), .init(name: "flip", value: "vertical"),
                .init(name: "rotate_deg", value: "270"),
            ])
        #expect(frame.calibrationHash == "00ff" && (frame.width, frame.height) == (3, 4))
    }

    @Test func aDamagedJPEGIsAGap() throws {
        let device = ScriptedV4L2Device()
        var camera = camera(device, .mjpeg, turned)
        _ = try camera.open(at: .zero)
        var bytes = try RGBImage.waves(width: 8, height: 6, seed: 5).jpegData().array
        // A table of quantisation that is not there any more: whole by its outline, and not to be decoded.
        let table = try #require(bytes.indices.dropLast().first { bytes[$0] == 0xff && bytes[$0 + 1] == 0xdb })
        bytes[table + 1] = 0xfe
        device.shots = [.init(bytes: bytes, sequence: 0, stamp: .zero + .milliseconds(1))]
        #expect(try camera.nextFrame(at: .zero + .milliseconds(2)) == nil)
        let remark = try #require(camera.remark)
        #expect(remark.hasPrefix("1 frame by now could not be decoded") && remark.contains("yuyv"))
        device.shots = [
            .init(
                bytes: try RGBImage.waves(width: 8, height: 6, seed: 5).jpegData().array, sequence: 1,
                stamp: .zero + .milliseconds(3))
        ]
        #expect(try camera.nextFrame(at: .zero + .milliseconds(4))?.sequence == 1)
    }

    @Test func intrinsicsOfOtherFramesAreRefused() throws {
        func open(_ width: Int, _ height: Int) throws {
            let device = ScriptedV4L2Device()
            let intrinsics = CameraCalibration.Intrinsics(
                width: width, height: height, cameraMatrix: [1, 0, 0, 0, 1, 0, 0, 0, 1], model: .plumbBob,
                coefficients: [0, 0, 0, 0, 0])
            var camera = camera(device, .yuyv, turned, intrinsics: intrinsics)
            defer { #expect(camera.wakeup != .never || !device.isOpen) }
            _ = try camera.open(at: .zero)
        }
        try open(3, 4)
        let error = #expect(throws: CameraError.self) { try open(8, 6) }
        #expect(
            error?.description.contains("its calibration has intrinsics of 8x6 pixels, expected the 3x4 of its frames")
                == true)
    }
}
