from glob import glob

from setuptools import find_packages, setup

NAME = "prpd_control"

setup(
    name=NAME,
    version="0.1.0",
    description="Bucket driver, policy runtime, excavation action server, batches of trials",
    author="PRPD maintainers",
    maintainer="PRPD maintainers",
    maintainer_email="prpd@example.com",
    license="Apache-2.0",
    packages=find_packages(),
    package_data={NAME: ["**/*.yaml", "**/*.json", "**/*.xml", "**/*.rviz"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
        (f"share/{NAME}/launch", glob("launch/*.launch.py")),
        (f"share/{NAME}/policies", glob("policies/*.onnx")),
    ],
    install_requires=["setuptools"],
    extras_require={"test": ["pytest"]},
    zip_safe=False,
    entry_points={
        "console_scripts": [
            "bucket_driver = prpd_control.driver.node:main",
            "excavate = prpd_control.excavate.node:main",
            "trials = prpd_control.trials.node:main",
            "recorder = prpd_control.trials.recorder:main",
            "bring_up = prpd_control.graph.bring_up:main",
            "viewer = prpd_control.watch.viewer:main",
        ],
        "prpd.commands": [
            "excavate = prpd_control.cli.excavate:main",
            "trials = prpd_control.cli.trials:main",
            "report = prpd_control.cli.report:main",
            "demo = prpd_control.cli.demo:main",
        ],
    },
)
