import JSONTree
import Manifests

/// Manifests and a disk for the tests of this room.
package enum Sample {
    /// Every section, nothing that has a default.
    package static let minimal = """
        {
          "cameras": { "primary": { "source": "images", "folder": "frames" } },
          "goal": { "source": "episode", "folder": "frames" },
          "policy": { "checkpoint": "checkpoint" },
          "arm": { "driver": "simulated", "calibration": "arm.json" }
        }
        """

    /// Every key there is, each with a value that is not the default.
    package static let full = """
        {
          "$schema": "schema.json",
          "name": "bench-2",
          "bus": {
            "transport": "tcp", "base_port": 6000, "address": "192.168.1.4", "insecure": true,
            "insecure_network": "I understand that anybody on it can move the arm"
          },
          "hosts": {
            "near": {
              "address": "desk.local", "insecure": true,
              "insecure_network": "I understand that anybody on it can move the arm"
            },
            "big": { "address": "192.168.1.20", "port": 7500, "key": "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7" }
          },
          "record": {
            "host": "big", "enabled": false,
            "folder": "frames/episodes", "start": "on_command", "ring_s": 3, "memory_mb": 64,
            "compression": "lz4",
            "pack_frames": false
          },
          "cameras": {
            "wrist": { "source": "images", "folder": "/data/wrist", "pattern": "w_*.png",
            "rate_hz": 10, "loop": false },
            "primary": { "source": "images", "folder": "frames", "pattern": "image_?.png",
            "rate_hz": 20, "loop": false }
          },
          "goal": { "host": "big", "source": "images", "images": { "primary": "goal.png" },
            "text": "close the drawer", "name": "drawer" },
          "policy": {
            "host": "big", "pictures": "network",
            "checkpoint": "checkpoint", "step": 300000, "tokenizer": "spiece.model",
            "dataset": "bridge_dataset", "rate_hz": 10, "window": 2, "proprio": ["x_m", "joint_2_rad", "gripper"],
            "task_numbers": { "speed": [0.5, -1] },
            "cameras": { "wrist": { "optional": true }, "primary": {} },
            "preprocess": "resize_and_center_crop", "require_goal": false, "require_goal_fit": "amber",
            "on_drift": "pause", "seed": 7, "threads": 2,
            "max_frame_age_s": 0.25, "action_space": "joint_delta", "keep_blas_core": true
          },
          "arm": {
            "driver": "simulated", "calibration": "arm.json", "control_rate_hz": 250, "strategy": "asynchronous",
            "execution_horizon": 2, "ensemble_weight": 0.1, "ensemble_size": 3, "blend_s": 0.2, "watchdog_s": 0.5,
            "state_rate_hz": 25, "gripper": { "mode": "sticky", "threshold": 0.4, "sticky_steps": 2 },
            "servo_limits": {
              "stall_error_rad": 0.3, "stall_load": 0.6, "stall_time_s": 0.25, "overload_load": 0.9,
              "overload_time_s": 2, "temperature_c": 65
            },
            "dead_man_timeout_s": 0.125,
            "realtime": { "priority": 0, "lock_memory": false, "cpu": 1, "required": true },
            "simulated": { "time_constant_s": 0.1, "initial_rad": [0, -0.5, 1.25] }
          },
          "supervision": {
            "ready_timeout_s": 10, "max_restarts": 2, "backoff_s": 0.5, "backoff_max_s": 2, "status_timeout_s": 4,
            "stop_timeout_s": 1
          }
        }
        """

    package static let folder = "/robots/one"

    /// The files that the samples speak of.
    package static let disk = FileProbe(
        kind: { path in
            switch path {
            case "/robots/one/frames", "/robots/one/checkpoint", "/data/wrist", "/robots/one/empty", "/home/me/mine":
                .folder
            case "/robots/one/arm.json", "/robots/one/goal.png", "/robots/one/spiece.model": .file
            default: nil
            }
        },
        names: { folder in
            switch folder {
            case "/robots/one/frames", "/home/me/mine": ["image_0.png", "image_1.png", "image_2.png", ".hidden"]
            case "/data/wrist": ["w_0.png", "notes.txt"]
            default: []
            }
        })

    package static func read(
        _ text: String, set: [String] = [], files: FileProbe? = disk
    ) throws(ManifestError) -> Manifest {
        var overrides: [ManifestOverride] = []
        for text in set { overrides.append(try ManifestOverride(parsing: text)) }
        return try Manifest(
            parsing: text.utf8, path: "\(folder)/robot.json", folder: folder, overrides: overrides,
            workingFolder: "/home/me", files: files)
    }

    /// The problems of a manifest; none when it is sound.
    package static func problems(_ text: String, set: [String] = []) throws(ManifestError) -> [ManifestProblem] {
        do throws(ManifestError) {
            _ = try read(text, set: set)
            return []
        } catch {
            guard case .invalid = error else { throw error }
            return error.problems
        }
    }
}
