"""An emulated UR5e controller: what `ur_rtde` and Universal Robots' own RTDE client take for a robot.

    ros2 run prpd_twin ur_controller --address 127.0.0.2

Inside, from the wire to the arm:

* `main` runs a `clock` of 500 Hz and the ports: `rtde_server` (30004), `text_ports` (dashboard 29999, script upload
  30003), `world_port` (30020, the soil pushes on the bucket) and `fault_port` (30021, tests break things);
* `controller` is the robot without any port: one call of `cycle` is 2 ms of its life;
* `control_script` is the program that runs on it, the main loop of `ur_rtde`'s control script, on the robot commands of
  `urscript`, which move the `arm` by the pure functions of `motion` and `kinematics`, under the eyes of `safety`.
"""
