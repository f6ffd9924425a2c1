import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// An arm that is not to be driven as the manifest says ends the launch before anything moves, with the way out.
    @Suite(.serialized) struct RefusedStartTests {
        /// A CPU that no machine of these tests has: root is refused it as well.
        @Test func anArmWithoutTheRightsThatItRequiresDoesNotStart() throws {
            let rights = ["arm.realtime.priority=0", "arm.realtime.lock_memory=false", "arm.realtime.cpu=1023"]
            let pipeline = try Pipeline(rights + ["arm.realtime.required=true"])
            let outcome = pipeline.launcher.waitForEnd(limit: 60)
            #expect(outcome.exitCode == 3, "\(outcome.errors)")
            for words in [
                "refused real-time rights that arm.realtime.required asks for", "on CPU 1023",
                "choose a CPU that `taskset -p $$` lists", "Or set arm.realtime.required to false.",
            ] {
                #expect(outcome.errors.contains(words), "\(outcome.errors)")
            }
        }

        @Test func anArmThatDoesNotRequireTheRightsStartsAndSaysWhatItLacks() throws {
            let pipeline = try Pipeline(["arm.realtime.cpu=1023"])
            try pipeline.waitUntilMoving()
            #expect(pipeline.status["arm"]?.headline.contains("WITHOUT") == true)
            #expect(pipeline.status["arm"]?.headline.contains("on CPU 1023") == true)
            #expect(try pipeline.stop().outcome.exitCode == 0)
        }

        @Test(arguments: [("dynamixel", "so101", "feetech"), ("feetech", "widowx-250s", "dynamixel")])
        func servosOfAnotherFamilyThanTheDriverAreRefused(driver: String, arm: String, found: String) throws {
            let calibration = Fixture.packageRoot.appendingPathComponent("calibration/\(arm).json").path
            let servos = try EmulatedServos(arm: driver == "feetech" ? .so101 : .widowX)
            let pipeline = try Pipeline(servos.settings + ["arm.calibration=\(calibration)"])
            let outcome = pipeline.launcher.waitForEnd(limit: 60)
            #expect(outcome.exitCode == 3, "\(outcome.errors)")
            for words in ["they are \(found) servos, arm.driver is \(driver)", "Set arm.driver to \(found)"] {
                #expect(outcome.errors.contains(words), "\(outcome.errors)")
            }
            #expect(try servos.goals().isEmpty, "nothing was sent")
        }
    }
}
