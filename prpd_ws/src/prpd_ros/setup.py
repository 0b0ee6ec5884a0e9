from setuptools import find_packages, setup

NAME = "prpd_ros"

setup(
    name=NAME,
    version="0.1.0",
    description="How every node of the excavation system starts, runs and ends",
    author="PRPD maintainers",
    maintainer="PRPD maintainers",
    maintainer_email="prpd@example.com",
    license="Apache-2.0",
    packages=find_packages(),
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
    ],
    install_requires=["setuptools"],
    extras_require={"test": ["pytest"]},
    zip_safe=False,
)
