"""The bucket driver: from bucket commands at 5 to 20 Hz to a UR5e that follows them smoothly, or stands still.

From the outside in:

* `node` is the ROS face: parameters, topics, services; it knows no `ur_rtde`;
* `process` starts the streaming process, talks with it through `channel`, and notices when it dies;
* `streaming` is that process: one loop at 125 to 500 Hz, no ROS, no garbage collector;
* `arm` is the controller as `ur_rtde` shows it, `preflight` what must be right before a connection is used;
* `supervisor` decides, each cycle, what the arm does next; it is pure: time, arm and requests in, an action out;
* `plan` is the interpolation, `limits` what a command may ask for, `health` what a controller must report, `link` how
  old a report is, `tool_frames` the way from the soil to the controller's frame, `stops` every reason to stand still.
"""
