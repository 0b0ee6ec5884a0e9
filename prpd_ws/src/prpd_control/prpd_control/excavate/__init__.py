"""One excavation: from the goal to the lifted rock, as a state machine without ROS and a node around it."""
