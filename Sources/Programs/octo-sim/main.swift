import ArgumentParser
import Messages
import NodeShell

/// The simulated robot.
struct OctoSim: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "octo-sim",
        abstract: "Simulate a world with real physics and real pixels in place of cameras and servos.",
        discussion: """
            octo-launch starts 'octo-sim run' for a manifest with a section "simulation", as launch/sim.json has one. \
            The other commands need no run:

              octo-sim picture --out table.png
              octo-sim goal --state final.json --out goal
              octo-sim demos --task pick-place --episodes 50 --out demos

            While a simulation runs, 'nudge', 'light' and 'place' change its world: to see what the robot makes of it.

            All of it needs MuJoCo (libmujoco-dev) and, for pictures, libosmesa6 or libegl1; neither display nor GPU.
            """,
        version: OctoRuntime.version,
        subcommands: [
            RunCommand.self, NudgeCommand.self, LightCommand.self, PlaceCommand.self, PictureCommand.self,
            GoalPictureCommand.self, DemosCommand.self, SceneCommand.self, ModelCommand.self,
        ])
}

OctoSim.runProgram()
