import Goals
import Kinematics
import Maths
import SceneFit
import Testing

@Suite struct ArmViewTests {
    /// One joint 0.1 m above the base that turns about the vertical, and 0.3 m of arm.
    private let chain = KinematicChain(
        joints: [.init(parentFromJoint: Pose(rotation: .identity, translation: [0, 0, 0.1]), axis: [0, 0, 1])],
        lastJointFromEEF: Pose(rotation: .identity, translation: [0.3, 0, 0]))
    private let lens = ArmView.Lens(width: 640, height: 480, focalX: 600, focalY: 600, centreX: 320, centreY: 240)
    /// 1.1 m above the base, looking down: right is the base's x, down of the picture is -y.
    private var above: Pose { Pose(rotation: Rotation(roll: .pi, pitch: 0, yaw: 0), translation: [0, 0, 1.1]) }

    private func covers(_ discs: [PictureMask.Disc], _ x: Double, _ y: Double) -> Bool {
        discs.contains { disc in
            let away = disc.centre - SIMD2(x, y)
            return (away * away).sum() <= disc.radius * disc.radius
        }
    }

    @Test func theArmIsWhereThePinholeCameraSeesIt() {
        let discs = ArmView(chain: chain, lens: lens, baseFromCamera: above).discs([0], width: 640)
        // The tip: 0.3 m to the right at 1 m are 180 pixels.
        #expect(
            discs.contains {
                abs($0.centre.x - 500) < 1e-6 && abs($0.centre.y - 240) < 1e-6 && abs($0.radius - 42) < 1e-6
            })
        #expect(covers(discs, 410, 240) && covers(discs, 500, 275))
        #expect(!covers(discs, 320, 400) && !covers(discs, 150, 240))
        let turned = ArmView(chain: chain, lens: lens, baseFromCamera: above).discs([.pi / 2], width: 640)
        // The base's y is up in the picture.
        #expect(covers(turned, 320, 60) && !covers(turned, 500, 240))
    }

    @Test func aSmallerPictureOfTheSameLensShowsItSmaller() {
        let view = ArmView(chain: chain, lens: lens, baseFromCamera: above)
        let (large, small) = (view.discs([0.4], width: 640), view.discs([0.4], width: 160))
        #expect(large.count == small.count)
        for (a, b) in zip(large, small) {
            #expect(abs(a.centre.x - 4 * b.centre.x) < 1e-9 && abs(a.radius - 4 * b.radius) < 1e-9)
        }
    }

    @Test func whatIsBehindTheCameraOrNoSuchArmCoversNothing() {
        let behind = Pose(rotation: .identity, translation: [0, 0, 1.1])
        #expect(ArmView(chain: chain, lens: lens, baseFromCamera: behind).discs([0], width: 640).isEmpty)
        let view = ArmView(chain: chain, lens: lens, baseFromCamera: above)
        #expect(view.discs([0, 0], width: 640).isEmpty)
        #expect(view.discs([.nan], width: 640).isEmpty)
    }
}
